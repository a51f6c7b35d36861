import { fileURLToPath } from 'node:url'

/** What the environment decides. */
export interface Settings {
  readonly host: string
  readonly port: number
  /** Where the databases live. */
  readonly dataFolder: string
  /** Where the sessions live: in one SQLite file, or one file for each. */
  readonly store: 'sqlite' | 'file'
  /** In production browsers reach the application by https, through a proxy that tells so. */
  readonly isProduction: boolean
}

/** @throws Error with a message for the person who started the application. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  return {
    host: environment['HOST'] ?? '127.0.0.1',
    port: portIn(environment['PORT'] ?? '3000'),
    dataFolder: environment['READING_ROOM_DATA'] ?? fileURLToPath(new URL('data', import.meta.url)),
    store: storeIn(environment['READING_ROOM_STORE'] ?? 'sqlite'),
    isProduction: environment['NODE_ENV'] === 'production',
  }
}

function portIn(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new Error(`PORT is "${text}": expected a number from 0 to 65535`)
}

function storeIn(text: string): Settings['store'] {
  if (text === 'sqlite' || text === 'file') return text
  throw new Error(`READING_ROOM_STORE is "${text}": expected sqlite or file`)
}
