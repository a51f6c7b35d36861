import { createServer } from 'node:net'

// Below the range from which systems take the ports of outgoing connections: one of those could occupy the port of a
// server while it is down, and a client that keeps trying could even connect to itself.
const LOWEST = 12_000
const HIGHEST = 32_000

/** A port on which nothing listens on 127.0.0.1. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST))
    if (await isFree(port)) return port
  }
}

/** Whether nothing listens on this port of 127.0.0.1. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
