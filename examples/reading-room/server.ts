import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp } from './app.ts'
import { readSettings } from './settings.ts'

/** How long requests that are under way may take to finish when the server stops. */
const LAST_CALL_MS = 10_000

start().catch(fail)

async function start(): Promise<void> {
  const settings = readSettings(process.env)
  const room = await createApp(settings)
  const server = createServer(room.app)
  let isStopping = false

  server.on('error', fail)
  // A browser keeps its connection open for the next click; nobody waits for that when the server stops.
  server.on('request', (_req, res) => {
    res.once('close', () => {
      if (isStopping) server.closeIdleConnections()
    })
  })
  server.listen(settings.port, settings.host, () => {
    console.log(`The Reading Room is open at ${urlOf(server.address())}`)
  })

  const stop = (): void => {
    if (isStopping) return
    isStopping = true
    server.close(() => {
      room.close().then(() => process.exit(0), fail)
    })
    setTimeout(() => server.closeAllConnections(), LAST_CALL_MS).unref()
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

function urlOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') return String(address)
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${host}:${address.port}`
}

function fail(error: unknown): void {
  console.error(reasonOf(error))
  process.exit(1)
}

function reasonOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { code, port } = error as Error & { code?: string; port?: number }
  if (code === 'EADDRINUSE')
    return `Port ${port} is taken by another program. Choose one with PORT=3001, or stop that program.`
  if (code === 'EACCES' && port !== undefined)
    return `Port ${port} may not be opened by this user. Choose one above 1023.`
  return error.message
}
