import type { Database, Row } from './database.ts'

/** The calls made on a PGlite, a PostgreSQL inside of the process. */
export interface Pglite {
  /** Runs one statement. */
  query(text: string, values: (string | null)[], options: { rowMode: 'array' }): Promise<{ readonly rows: unknown[] }>
  /** Runs several statements. */
  exec(sql: string): Promise<unknown>
  /** Hears notifications. */
  listen(channel: string, onPayload: (payload: string) => void): Promise<() => Promise<void>>
  readonly waitReady: PromiseLike<void>
  /** Where it keeps its data. */
  readonly dataDir?: string | undefined
}

export function isPglite(client: unknown): client is Pglite {
  return (
    typeof client === 'object' && client !== null && 'exec' in client && 'listen' in client && 'waitReady' in client
  )
}

export function pgliteDatabase(pglite: Pglite): Database {
  return {
    kind: 'pglite',
    isInMemory: (pglite.dataDir ?? 'memory://').startsWith('memory://'),
    width: 1,
    run: async ({ text }, values) => (await pglite.query(text, [...values], { rowMode: 'array' })).rows.filter(isRow),
    script: async (sql) => void (await pglite.exec(sql)),
    listen: (channel, { onPayload }) => pglite.listen(`"${channel}"`, onPayload),
    release: () => undefined,
  }
}

function isRow(row: unknown): row is Row {
  return Array.isArray(row)
}
