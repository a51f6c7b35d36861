import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'

/** One port in front of several processes of an application, which serve the requests in turn. */
export interface RoundRobin {
  readonly url: string
  readonly port: number
  /** Sends everything to the process at this place, until it is called without one. */
  readonly pin: (place?: number) => void
  /** How many requests the process at each place has answered. */
  readonly served: readonly number[]
}

/** Requests for a process that does not listen go to the next one; one that is cut off in the middle is a 502. */
export async function roundRobin(ports: readonly number[]): Promise<RoundRobin> {
  const served = ports.map(() => 0)
  let turn = 0
  let pinned: number | undefined
  const serve = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const body = await buffer(req)
    const places = pinned === undefined ? ports.map((_, n) => (turn + n) % ports.length) : [pinned]
    turn++
    for (const place of places) {
      const outcome = await forward(req, body, ports[place] ?? 0, res)
      if (outcome === 'answered') served[place] = (served[place] ?? 0) + 1
      if (outcome !== 'refused') return
    }
    res.writeHead(502).end()
  }
  const server = createServer((req, res) => void serve(req, res))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, served, pin: (place) => void (pinned = place) }
}

function forward(
  { method, url, headers }: IncomingMessage,
  body: Buffer,
  port: number,
  res: ServerResponse,
): Promise<'answered' | 'cut off' | 'refused'> {
  return new Promise((resolve) => {
    const onward = request({ host: '127.0.0.1', port, method, path: url, headers, agent: false }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      answer.pipe(res)
      answer.once('error', () => res.destroy())
      answer.once('close', () => resolve('answered'))
    })
    onward.once('error', (error) => {
      if ('code' in error && error.code === 'ECONNREFUSED') return resolve('refused')
      if (!res.headersSent) res.writeHead(502).end()
      resolve('cut off')
    })
    onward.end(body)
  })
}
