import { describe, expect, it } from 'vitest'
import { io } from 'socket.io-client'
import { WebSocket } from 'ws'
import { emptyFolder, filesOf, start } from './support/program.ts'

/** A page's end of a socket. */
interface Client {
  say(): Promise<string>
  readonly closed: Promise<string>
}

type Connect = (address: string, headers: Readonly<Record<string, string>>) => Promise<Client>

const plain: Connect = (address, headers) => {
  const socket = new WebSocket(address.replace('http', 'ws'), { headers })
  const closed = new Promise<string>((resolve) => void socket.on('close', (_code, reason) => resolve(String(reason))))
  const say = (): Promise<string> =>
    new Promise((resolve) => {
      socket.once('message', (text: Buffer) => resolve(text.toString()))
      socket.send('hello')
    })
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('open', () => resolve({ say, closed }))
  })
}

const socketIo: Connect = (address, headers) => {
  const socket = io(address, { extraHeaders: { ...headers }, reconnection: false, forceNew: true })
  const closed = new Promise<string>((resolve) => void socket.on('disconnect', () => resolve('signed out')))
  return new Promise((resolve, reject) => {
    socket.on('connect_error', reject)
    socket.on('connect', () => resolve({ say: async () => String(await socket.emitWithAck('say')), closed }))
  })
}

describe('the guide to sessions on sockets', { timeout: 60_000 }, () => {
  it.each<readonly [library: string, file: string, connect: Connect]>([
    ['ws', 'with-ws.ts', plain],
    ['socket.io', 'with-socket-io.ts', socketIo],
    ['crossws', 'with-crossws.ts', plain],
  ])('shows a program with %s that runs as it is written', async (library, file, connect) => {
    const folder = await emptyFolder([library])
    const { address, complaints } = await start(folder, await filesOf('docs/websockets.md'), file)
    await expect(connect(address, {})).rejects.toThrow(/401|sign in first/)
    const first = await fetch(address)
    const cookie = first.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    await expect(connect(address, { cookie, origin: 'http://evil.example' })).rejects.toThrow(/401|sign in first/)
    const client = await connect(address, { cookie, origin: address })
    expect([await client.say(), await client.say()]).toEqual(['message 1', 'message 2'])
    expect(await (await fetch(address, { headers: { cookie } })).text()).toBe('2 messages heard\n')
    expect(await client.say()).toBe('message 3')
    await fetch(`${address}/logout`, { headers: { cookie } })
    expect(await client.closed).toBe('signed out')
    expect(complaints()).toBe('')
  })

  it("shows a program with Socket.IO's own recipe that runs as it is written (F8)", async () => {
    const folder = await emptyFolder(['socket.io'])
    const { address, complaints } = await start(folder, await filesOf('docs/websockets.md'), 'with-handshake.ts')
    const cookie = (await fetch(address)).headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const client = await socketIo(address, { cookie })
    expect([await client.say(), await client.say()]).toEqual(['message 1', 'message 2'])
    expect(await (await fetch(address, { headers: { cookie } })).text()).toBe('2 messages heard\n')
    expect(complaints()).toBe('')
  })
})
