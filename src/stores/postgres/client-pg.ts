import { withDeadline } from './deadline.ts'
import type { Database, Listener, Statement, Value } from './database.ts'

/** The calls made on a `Pool` of pg. */
export interface PgPool {
  /** Runs one statement on any connection. */
  query(config: PgQuery): Promise<{ readonly rows: readonly (readonly unknown[])[] }>
  /** Runs several statements. */
  query(text: string): Promise<unknown>
  /** Takes a connection out of the pool. */
  connect(): Promise<PgConnection>
  /** Tells of the errors of connections that nobody uses. */
  on(event: 'error', listener: (error: Error) => void): unknown
  /** Ends what `on` began. */
  off(event: 'error', listener: (error: Error) => void): unknown
  /** How many want to be told. */
  listenerCount(event: 'error'): number
  readonly totalCount: number
  readonly options: { readonly max?: number | undefined }
}

/** A statement as pg takes it. */
export interface PgQuery {
  readonly name?: string
  readonly text: string
  readonly values: (string | null)[]
  readonly rowMode: 'array'
  /** Milliseconds after which pg gives the connection up. */
  readonly query_timeout: number
}

/** The calls made on a connection of pg. */
export interface PgConnection {
  /** Runs one statement. */
  query(text: string): Promise<unknown>
  /** Tells of notifications. */
  on(event: 'notification', listener: (message: { channel: string; payload?: string | undefined }) => void): unknown
  /** Tells that the connection broke. */
  on(event: 'error', listener: (error: Error) => void): unknown
  /** Tells that it has ended. */
  on(event: 'end', listener: () => void): unknown
  /** Ends the connection, or gives it back to the pool. */
  release(destroy: boolean): void
}

export function isPgPool(client: unknown): client is PgPool {
  return (
    typeof client === 'object' && client !== null && 'query' in client && 'connect' in client && 'totalCount' in client
  )
}

interface Settings {
  readonly isPrepared: boolean
  /** Milliseconds that a statement may take. */
  readonly timeout: number
}

export function pgDatabase(pool: PgPool, settings: Settings): Database {
  // A server that restarts ends the connections that nobody uses, and Node would end the process for an "error" event
  // that nobody listens to. The pool makes new ones.
  const ignore = (): void => undefined
  if (pool.listenerCount('error') === 0) pool.on('error', ignore)
  const width = pool.options.max ?? 10
  return {
    kind: 'pg',
    isInMemory: false,
    width,
    run: async (statement, values) =>
      (await withDeadline(settings.timeout, pool.query(queryOf(statement, values, settings)))).rows,
    script: async (sql) => void (await pool.query(sql)),
    // The only connection must not serve a listener alone.
    listen: width < 2 ? undefined : (channel, listener) => listen(pool, channel, listener),
    release: () => void pool.off('error', ignore),
  }
}

function queryOf({ name, text }: Statement, values: readonly Value[], settings: Settings): PgQuery {
  const query: PgQuery = { text, values: [...values], rowMode: 'array', query_timeout: settings.timeout }
  return settings.isPrepared && name !== '' ? { ...query, name } : query
}

async function listen(pool: PgPool, channel: string, { onPayload, onLost }: Listener): Promise<() => Promise<void>> {
  const connection = await pool.connect()
  let isOver = false
  const end = (): boolean => {
    if (isOver) return false
    isOver = true
    // Not to be used again: it listens.
    connection.release(true)
    return true
  }
  const lose = (): void => void (end() && onLost())
  connection.on('error', lose)
  connection.on('end', lose)
  connection.on('notification', (message) => {
    if (!isOver && message.channel === channel && message.payload !== undefined) onPayload(message.payload)
  })
  try {
    await connection.query(`LISTEN "${channel}"`)
  } catch (error) {
    end()
    throw error
  }
  return async () => void end()
}
