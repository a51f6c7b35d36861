import { fileURLToPath } from 'node:url'

/** What the environment decides. */
export interface Settings {
  readonly host: string
  readonly port: number
  /** Where the databases live. */
  readonly dataFolder: string
  /** Where the sessions live. */
  readonly store: StorePlace
  /** In production browsers reach the application by https, through a proxy that tells so. */
  readonly isProduction: boolean
}

/** One SQLite file in the data folder, one file there for each session, or a server. */
export type StorePlace =
  { readonly kind: 'sqlite' | 'file' } | { readonly kind: 'postgres' | 'mysql' | 'redis'; readonly url: string }

/** @throws Error with a message for the person who started the application. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  return {
    host: environment['HOST'] ?? '127.0.0.1',
    port: portIn(environment['PORT'] ?? '3000'),
    dataFolder: environment['READING_ROOM_DATA'] ?? fileURLToPath(new URL('data', import.meta.url)),
    store: storeIn(environment['SESSION_STORE'] ?? 'sqlite'),
    isProduction: environment['NODE_ENV'] === 'production',
  }
}

function portIn(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new Error(`PORT is "${text}": expected a number from 0 to 65535`)
}

const servers = new Map([
  ['postgres:', 'postgres'],
  ['postgresql:', 'postgres'],
  ['mysql:', 'mysql'],
  ['redis:', 'redis'],
  ['rediss:', 'redis'],
] as const)

function storeIn(text: string): StorePlace {
  if (text === 'sqlite' || text === 'file') return { kind: text }
  for (const [protocol, kind] of servers) {
    if (text.startsWith(`${protocol}//`) && URL.canParse(text)) return { kind, url: text }
  }
  // Not the text itself: a password may be in it.
  throw new Error('SESSION_STORE must be sqlite, file, postgres://…, mysql://… or redis://…')
}
