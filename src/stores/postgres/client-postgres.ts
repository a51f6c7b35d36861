import { withDeadline } from './deadline.ts'
import type { Database } from './database.ts'

/** The calls made on what `postgres()` of the package `postgres` gives. */
export interface PostgresSql {
  /** Runs one statement on any connection. */
  unsafe(text: string, values?: (string | null)[], options?: { prepare?: boolean }): PostgresQuery
  /** Hears notifications over a connection of its own, and connects again by itself. */
  listen(
    channel: string,
    onPayload: (payload: string) => void,
    onListening?: () => void,
  ): PromiseLike<PostgresListening>
  readonly options: { readonly max: number; readonly prepare: boolean }
}

/** A subscription to a channel. */
export interface PostgresListening {
  /** Ends it. */
  unlisten(): Promise<void>
}

/** A statement on its way. */
export interface PostgresQuery extends PromiseLike<unknown> {
  /** The rows as lists. */
  values(): PromiseLike<readonly (readonly unknown[])[]>
}

export function isPostgresSql(client: unknown): client is PostgresSql {
  return typeof client === 'function' && 'unsafe' in client && 'listen' in client && 'options' in client
}

/** Prepares statements if the handle does, unless told otherwise: without, this client asks for the types first. */
export function postgresDatabase(
  sql: PostgresSql,
  { prepare = sql.options.prepare, timeout }: { readonly prepare: boolean | undefined; readonly timeout: number },
): Database {
  return {
    kind: 'postgres',
    isInMemory: false,
    width: sql.options.max,
    run({ name, text }, values) {
      const query = sql.unsafe(text, [...values], { prepare: prepare && name !== '' })
      return withDeadline(timeout, Promise.resolve(query.values()).then(withoutHoles))
    },
    script: async (text) => void (await sql.unsafe(text)),
    async listen(channel, { onPayload, onLost }) {
      let isOver = false
      let isFirst = true
      const listening = await sql.listen(
        channel,
        (payload) => void (isOver || onPayload(payload)),
        () => {
          // It listens again after it was cut off; the one who asked begins anew.
          if (!isFirst && !isOver) lose()
          isFirst = false
        },
      )
      const stop = async (): Promise<void> => {
        isOver = true
        await listening.unlisten().catch(() => undefined)
      }
      const lose = (): void => {
        void stop()
        onLost()
      }
      return stop
    },
    release: () => undefined,
  }
}

// When a reply breaks off, this client counts its rows into the next one on that connection, which then begins with as
// many holes: a store that read them would take sessions for gone.
function withoutHoles<R>(rows: readonly R[]): readonly R[] {
  return 0 in rows ? rows : rows.filter(() => true)
}
