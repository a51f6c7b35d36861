import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** How likely each trouble is, for each piece of data that passes; times in milliseconds. */
export interface Weather {
  /** A piece comes late, in either direction. */
  readonly delay: number
  readonly delayUpTo: number
  /** The connection is cut, and the request never arrives. */
  readonly cut: number
  /** The request arrives, its reply does not, and the connection is cut. */
  readonly dropReply: number
  /** Half of a reply arrives, and the connection is cut. */
  readonly cutReply: number
  /** Nothing passes for longer than a client waits; then everything does. */
  readonly stall: number
  readonly stallFor: number
  /**
   * The client's side of the connection is cut, and the server's side lives on: what the client had sent arrives up to
   * this much later, when the client has long come back on another connection.
   */
  readonly ghost: number
  readonly ghostFor: number
}

export const CALM: Weather = {
  delay: 0,
  delayUpTo: 0,
  cut: 0,
  dropReply: 0,
  cutReply: 0,
  stall: 0,
  stallFor: 0,
  ghost: 0,
  ghostFor: 0,
}

export type Trouble = 'delays' | 'cuts' | 'dropped replies' | 'replies cut in the middle' | 'stalls' | 'ghosts'

/** A way to a server on which everything that can happen to a connection happens. */
export interface Proxy {
  readonly port: number
  setWeather(weather: Weather): void
  /** What was done so far. */
  readonly counts: ReadonlyMap<Trouble, number>
  readonly connections: () => number
  close(): Promise<void>
}

export interface ProxyOptions {
  readonly target: { readonly host: string; readonly port: number }
  readonly random: () => number
}

/** The time after which a ghost is laid to rest whether or not the server has answered it. */
const GHOST_ANSWER_MS = 3_000

export async function startProxy({ target, random }: ProxyOptions): Promise<Proxy> {
  let weather = CALM
  let connections = 0
  const counts = new Map<Trouble, number>()
  const sockets = new Set<Socket>()
  const count = (trouble: Trouble): void => void counts.set(trouble, (counts.get(trouble) ?? 0) + 1)

  const server = createServer({ noDelay: true }, (client) => {
    connections++
    const upstream = connect({ ...target, noDelay: true })
    const way = { client, upstream, dropsReply: false, isGhost: false }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.once('close', () => {
        sockets.delete(socket)
        if (!way.isGhost) end(way)
      })
    }
    inOrder(client, (piece) => forward(way, piece))
    inOrder(upstream, (piece) => back(way, piece))
  })

  const forward = async (way: Way, piece: Buffer): Promise<void> => {
    if (hits('cut', 'cuts')) return end(way)
    if (hits('ghost', 'ghosts')) return haunt(way, piece)
    if (hits('stall', 'stalls')) await sleep(weather.stallFor, undefined, { ref: false })
    else await delay()
    way.dropsReply ||= hits('dropReply', 'dropped replies')
    if (way.upstream.writable) way.upstream.write(piece)
  }
  const back = async (way: Way, piece: Buffer): Promise<void> => {
    if (way.dropsReply) return end(way)
    if (hits('cutReply', 'replies cut in the middle') && piece.length > 1) {
      way.client.end(piece.subarray(0, piece.length >> 1))
      way.upstream.destroy()
      return
    }
    await delay()
    if (way.client.writable) way.client.write(piece)
  }
  const haunt = async (way: Way, piece: Buffer): Promise<void> => {
    way.isGhost = true
    way.client.destroy()
    await sleep(random() * weather.ghostFor, undefined, { ref: false })
    if (way.upstream.writable) way.upstream.write(piece)
    await sleep(GHOST_ANSWER_MS, undefined, { ref: false })
    way.upstream.destroy()
  }
  const delay = async (): Promise<void> => {
    if (!hits('delay', 'delays')) return
    await sleep(random() * weather.delayUpTo, undefined, { ref: false })
  }
  const hits = (chance: 'cut' | 'dropReply' | 'cutReply' | 'stall' | 'ghost' | 'delay', trouble: Trouble): boolean => {
    const isHit = weather[chance] > 0 && random() < weather[chance]
    if (isHit) count(trouble)
    return isHit
  }

  server.listen(0, '127.0.0.1')
  await new Promise<void>((resolve) => server.once('listening', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    setWeather: (next) => void (weather = next),
    counts,
    connections: () => connections,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

interface Way {
  readonly client: Socket
  readonly upstream: Socket
  /** The next reply is not to arrive. */
  dropsReply: boolean
  isGhost: boolean
}

function end({ client, upstream }: Way): void {
  client.destroy()
  upstream.destroy()
}

/** Hands over what a socket receives, piece after piece: the next when the one before has been dealt with. */
function inOrder(socket: Socket, deal: (piece: Buffer) => Promise<void>): void {
  socket.on('data', (piece) => {
    socket.pause()
    void deal(piece).then(() => socket.resume())
  })
}
