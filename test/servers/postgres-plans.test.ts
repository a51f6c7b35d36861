/** How the server does what the store asks, with 100,000 sessions there. */
import pg from 'pg'
import type { TestContext } from 'vitest'
import { describe, expect, it, onTestFinished } from 'vitest'
import { postgresStore, type PostgresStore } from '../../src/stores/postgres.ts'
import { newKey, newRecord, upTo } from './support/sessions.ts'
import { ownPostgresDatabase } from './support/shared.ts'

const SESSIONS = 100_000

interface Scene {
  readonly store: PostgresStore
  readonly pool: pg.Pool
  /** The plans of everything that was done since the last look, those inside of functions included. */
  readonly plans: () => readonly string[]
}

async function open(context: TestContext, partitions: number): Promise<Scene> {
  const url = await ownPostgresDatabase(context)
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  // The database may be dropped before the last connection has said goodbye.
  pool.on('error', () => undefined)
  const store = postgresStore({ client: pool, partitions, statementTimeout: '30s' })
  onTestFinished(async () => {
    await store.close()
    await pool.end()
  })
  let seen: string[] = []
  pool.on('connect', (client) => {
    client.on('notice', ({ message }) => void (message?.startsWith('duration:') && seen.push(message)))
  })
  await store.setup()
  // In the one connection there is, plans are made and kept while the table is empty.
  for (const _ of upTo(7)) await everything(store)
  const { rows } = await pool.query<{ part: string }>(
    `select 1 from information_schema.columns where table_name = 'sojourn_sessions' and column_name = 'part'`,
  )
  const part = rows.length === 0 ? '' : 'part, '
  await pool.query(
    `insert into sojourn_sessions (${part}key, state, version, epoch, created_at, seen_at, expires_at, handle, subject, meta, data)
     select ${part === '' ? '' : `substr(k, 1, 3), `}'s1.' || substr(k, 1, 3) || '.' || k || substr(k, 1, 11), 'live', 1, e.epoch, n, n,
       $1::bigint + n, 'h-' || n, 'user-' || n / 2, '{}', repeat('x', 200)
     from generate_series(1, ${SESSIONS}) as n, md5(n::text) as k, sojourn_sessions_meta as e`,
    [Date.now() + 3_600_000],
  )
  await pool.query(`load 'auto_explain'`)
  for (const setting of [
    'log_min_duration = 0',
    'log_nested_statements = on',
    'log_analyze = on',
    'log_timing = off',
  ]) {
    await pool.query(`set auto_explain.${setting}`)
  }
  await pool.query('set client_min_messages = log')
  return {
    store,
    pool,
    plans() {
      const plans = seen
      seen = []
      return plans
    },
  }
}

async function everything(store: PostgresStore): Promise<void> {
  const keys = upTo(20).map(() => newKey())
  const records = keys.map(() => newRecord())
  await Promise.all(keys.map((key, n) => store.insert(key, records[n]!)))
  await Promise.all(keys.map((key) => store.get(key)))
  await Promise.all(keys.map((key, n) => store.update(key, n % 2, { ...records[n]!, version: 2 })))
  await Promise.all(keys.map((key) => store.touch(key, Date.now(), Date.now() + 1)))
  const cap = { max: 1, onLimit: 'evict-oldest' } as const
  const owned = newRecord({ subject: 'user-7' })
  await store.insert(newKey('user-7'), owned, cap)
  await store.rotate(keys[1]!, 2, newKey('user-7'), { ...owned, version: 3 }, { cap })
  await store.listBySubject('user-7')
  await store.countBySubject('user-7')
  await store.deleteByHandle('user-7', owned.handle)
  await store.deleteBySubject('user-7')
  await Promise.all(keys.map((key) => store.delete(key)))
  await store.sweep(100)
  for await (const page of store.scan({ pageSize: 50 })) if (page.length > 0) break
}

describe.each([0, 16])('with %i partitions', (partitions) => {
  it('DOS-17: every statement finds its rows by an index, though its plan was made for an empty table', async (context) => {
    const { store, plans } = await open(context, partitions)
    await everything(store)
    const all = plans()
    const names = ['get', 'update', 'touch', 'insert', 'delete', 'admit', 'rotate', 'list', 'count', 'sweep', 'scan']
    for (const name of names)
      expect(
        all.some((plan) => new RegExp(`_v\\d+_${name}`).test(plan)),
        name,
      ).toBe(true)
    const onSessions = all.filter((plan) => /on sojourn_sessions(?:_p\d+)? s/.test(plan))
    expect(onSessions.length).toBeGreaterThan(names.length)
    expect(all.filter((plan) => /Seq Scan|Sort Method: external|JIT/.test(plan))).toEqual([])
    // Nothing passes more rows than it was asked for: by hand at most a page, and what is thrown away is counted too.
    const passed = all.flatMap((plan) => [...plan.matchAll(/actual rows=(\d+)|Removed by Filter: (\d+)/g)])
    expect(Math.max(...passed.map(([, rows, removed]) => Number(rows ?? removed)))).toBeLessThanOrEqual(100)
  })

  it('DOS-17: a sweep reads what it removes, however many live on, and after everything was cleared', async (context) => {
    const { store, pool, plans } = await open(context, partitions)
    await pool.query(`update sojourn_sessions set expires_at = 1 where handle like 'h-77%'`)
    // Else the old versions of the rows would be counted too.
    await pool.query('vacuum sojourn_sessions')
    const { rows } = await pool.query<{ n: number }>(
      'select count(*)::int as n from sojourn_sessions where expires_at = 1',
    )
    plans()
    expect(await store.sweep(5000)).toEqual({ removed: rows[0]?.n, isDone: true })
    const mostRead = (): number =>
      Math.max(...plans().flatMap((plan) => [...plan.matchAll(/actual rows=(\d+)/g)].map(([, n]) => Number(n))))
    expect(mostRead()).toBeLessThanOrEqual(500)
    await store.clear()
    plans()
    expect(await store.sweep(1200)).toEqual({ removed: 1200, isDone: false })
    expect(mostRead()).toBeLessThanOrEqual(500)
  })
})
