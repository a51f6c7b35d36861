import type { Server } from 'node:http'

/** Where sessions are kept. `cookie`: all of the session is in the cookie, sealed or signed. */
export type StoreName =
  'none' | 'memory' | 'memorystore' | 'sqlite' | 'file' | 'redis' | 'postgres' | 'mysql' | 'cookie'

/** What a subject's server is started with. */
export interface Place {
  readonly store: StoreName
  /** The database server's address, for stores that need one. */
  readonly url: string
  /** An empty folder, for stores in files. */
  readonly folder: string
}

/** What each file of this folder that is a subject exports as `serve`: it listens on a free port of 127.0.0.1. */
export type Serve = (place: Place) => Promise<Server>

/** The options that every subject listens with. */
export const LISTEN = { port: 0, host: '127.0.0.1' } as const

/** Resolves when the server accepts connections. */
export function listening(server: Server): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    if (server.listening) resolve(server)
    else server.once('listening', () => resolve(server))
  })
}
