import pg from 'pg'
import { onTestFinished } from 'vitest'

/** Looks at a PostgreSQL server past the store, over one connection of its own. */
export interface Eye {
  readonly client: pg.Client
  /** How often each function of the store was called since the last look. */
  readonly calls: () => Promise<Readonly<Record<string, number>>>
  /** Resolves as soon as so many statements of other connections wait for a lock. */
  readonly waiting: (count: number) => Promise<void>
}

const DATABASE = '(select oid from pg_database where datname = current_database())'

export async function eyeOn(url: string): Promise<Eye> {
  const client = new pg.Client(url)
  // Some tests take the server away.
  client.on('error', () => undefined)
  await client.connect()
  onTestFinished(() => client.end())
  await client.query('create extension if not exists pg_stat_statements')
  return {
    client,
    async calls() {
      const { rows } = await client.query<{ query: string; calls: string }>(
        `select query, calls from pg_stat_statements where dbid = ${DATABASE} and query similar to '%\\_v[0-9]+\\_%'`,
      )
      await client.query(`select pg_stat_statements_reset(0, ${DATABASE}, 0)`)
      const counts: Record<string, number> = {}
      for (const { query, calls } of rows) {
        const name = /_v\d+_(\w+)/.exec(query)?.[1] ?? query
        counts[name] = (counts[name] ?? 0) + Number(calls)
      }
      return counts
    },
    async waiting(count) {
      // Not pg_stat_activity, which does not change inside of a transaction.
      const sql = `select count(distinct pid)::int as n from pg_locks where not granted
        and pid in (select pid from pg_locks where database = ${DATABASE})`
      for (;;) {
        const { rows } = await client.query<{ n: number }>(sql)
        if ((rows[0]?.n ?? 0) >= count) return
      }
    },
  }
}
