/** What becomes of everybody else while another transaction holds the row of one session. */
import type pg from 'pg'
import type { TestContext } from 'vitest'
import { describe, expect, it } from 'vitest'
import { until } from '../../scripts/servers/until.ts'
import type { StoreKey } from '../../src/core/key.ts'
import type { SessionRecord } from '../../src/core/store.ts'
import type { PostgresStore, PostgresStoreOptions } from '../../src/stores/postgres.ts'
import { openStore } from './support/postgres-clients.ts'
import { type Eye, eyeOn } from './support/postgres-eye.ts'
import { newKey, newRecord, upTo } from './support/sessions.ts'
import { ownName, ownPostgresDatabase } from './support/shared.ts'

interface Scene {
  readonly stores: readonly PostgresStore[]
  readonly eye: Eye
  /** A look that does not take part in the transaction which holds rows. */
  readonly look: Eye
  readonly keys: readonly StoreKey[]
  readonly records: readonly SessionRecord[]
  /** Holds the rows until the end of the test, or until it is let go. */
  readonly hold: (...keys: readonly StoreKey[]) => Promise<void>
  readonly letGo: () => Promise<void>
}

async function open(
  context: TestContext,
  count: number,
  options: Partial<PostgresStoreOptions> = {},
  pool: pg.PoolConfig = {},
): Promise<Scene> {
  const url = await ownPostgresDatabase(context)
  const schema = ownName()
  const stores: PostgresStore[] = []
  for (const _ of upTo(count)) stores.push((await openStore(url, { schema, ...options }, pool)).store)
  const keys = upTo(40).map(() => newKey())
  const records = keys.map(() => newRecord())
  await Promise.all(keys.map((key, n) => stores[0]!.insert(key, records[n]!)))
  const eye = await eyeOn(url)
  return {
    stores,
    eye,
    look: await eyeOn(url),
    keys,
    records,
    async hold(...held) {
      await eye.client.query('begin')
      await eye.client.query(`select from ${schema}.sojourn_sessions where key = any ($1) for update`, [held])
    },
    letGo: async () => void (await eye.client.query('commit')),
  }
}

const next = (record: SessionRecord): SessionRecord => ({ ...record, version: 2, data: '"next"' })

/** How many statements of the store wait for a lock. */
async function waiting({ look }: Scene): Promise<number> {
  const { rows } = await look.client.query<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  )
  return rows[0]?.n ?? 0
}

const layouts = [
  { name: 'one store', count: 1 },
  { name: 'two stores', count: 2 },
  { name: 'two stores, 8 partitions', count: 2, options: { partitions: 8 } },
  { name: 'a pool of one connection', count: 1, pool: { max: 1 } },
] as const

describe.each<{
  name: string
  count: number
  options?: Partial<PostgresStoreOptions>
  pool?: pg.PoolConfig
}>(layouts)('while somebody holds the row of one session: $name', ({ count, options, pool }) => {
  const openHere = (context: TestContext) => open(context, count, options, pool)

  it('all others of the turn are saved, touched and ended, and read', async (context) => {
    const scene = await openHere(context)
    const { stores, keys, records, hold, letGo } = scene
    const [heldKey] = keys
    await hold(heldKey!)
    const theirs: Promise<unknown>[] = []
    const each = async <R>(call: (key: StoreKey, record: SessionRecord, store: PostgresStore) => Promise<R>) => {
      const all = keys.map((key, n) => call(key, records[n]!, stores[n % stores.length]!))
      theirs.push(all[0]!.catch((error: unknown) => error))
      return await Promise.all(all.slice(1))
    }
    const others = upTo(39)
    expect(await each((key, record, store) => store.update(key, 1, next(record)))).toEqual(
      others.map(() => ({ outcome: 'updated' })),
    )
    expect(await each((key, { seenAt, expiresAt }, store) => store.touch(key, seenAt, expiresAt + 1))).toEqual(
      others.map(() => true),
    )
    expect(await each(async (key, _, store) => (await store.get(key))?.state)).toEqual(others.map(() => 'live'))
    expect(await each((key, _, store) => store.delete(key))).toEqual(others.map(() => true))
    await letGo()
    await Promise.all(theirs)
  })

  it('what has lost already is told so', async (context) => {
    const { stores, keys, records, hold, letGo } = await openHere(context)
    const [store] = stores
    const [heldKey] = keys
    const [record] = records
    await store!.update(heldKey!, 1, next(record!))
    await hold(heldKey!)
    expect(await store!.update(heldKey!, 1, { ...record!, version: 2 })).toEqual({
      outcome: 'conflict',
      current: next(record!),
    })
    expect(await store!.update(newKey(), 1, { ...record!, version: 2 })).toEqual({ outcome: 'gone' })
    expect(await store!.touch(newKey(), 1, 1)).toBe(false)
    expect(await store!.delete(newKey())).toBe(false)
    await letGo()
  })

  it('its own save, touch and ending are done when it is let go, in the order in which they came', async (context) => {
    const { stores, keys, records, hold, letGo } = await openHere(context)
    const [store] = stores
    const [heldKey] = keys
    const record = records[0]!
    await hold(heldKey!)
    const saves = [store!.update(heldKey!, 1, next(record)), store!.update(heldKey!, 1, { ...record, version: 2 })]
    const touch = store!.touch(heldKey!, record.seenAt, record.expiresAt + 9)
    const read = store!.get(heldKey!)
    const end = store!.delete(heldKey!)
    await store!.get(keys[1]!)
    await letGo()
    const changed = { ...next(record), expiresAt: record.expiresAt + 9 }
    expect(await saves[0]).toEqual({ outcome: 'updated' })
    expect(await saves[1]).toMatchObject({ outcome: 'conflict' })
    expect(await touch).toBe(true)
    expect(await read).toEqual(changed)
    expect(await end).toBe(true)
    expect(await store!.get(heldKey!)).toBeUndefined()
  })
})

it('twelve tries of its visitor leave few statements waiting in the server, and none for long', async (context) => {
  const scene = await open(context, 2, {}, { max: 5 })
  const { stores, keys, records, hold, letGo } = scene
  const [heldKey] = keys
  await hold(heldKey!)
  let most = 0
  let isOver = false
  const watching = (async () => {
    while (!isOver) most = Math.max(most, await waiting(scene))
  })()
  const tries = upTo(12).map((n) => stores[n % 2]!.update(heldKey!, 1, { ...records[0]!, version: 2 + n }))
  const results = await Promise.allSettled(tries)
  isOver = true
  await watching
  expect(most).toBeLessThanOrEqual(2)
  for (const result of results) {
    const reason: unknown = result.status === 'rejected' ? result.reason : undefined
    expect(reason).toMatchObject({ code: 'store-unavailable', message: /another transaction holds/ })
  }
  await until('nothing waits in the server, though the row is still held', async () => (await waiting(scene)) === 0)
  await letGo()
  // Nothing of it was done.
  expect(await stores[0]!.get(heldKey!)).toEqual(records[0])
})

it('many held rows leave connections of a small pool for everybody else', async (context) => {
  const scene = await open(context, 1, {}, { max: 4 })
  const { stores, keys, records, hold, letGo } = scene
  const [store] = stores
  const held = keys.slice(0, 20)
  await hold(...held)
  const saves = Promise.allSettled(held.map((key, n) => store!.update(key, 1, next(records[n]!))))
  for (const n of upTo(40)) {
    const key = newKey()
    await store!.insert(key, newRecord())
    await store!.touch(keys[20 + (n % 20)]!, 1, 1)
    expect(await store!.get(key)).toBeDefined()
  }
  await letGo()
  await saves
})

it('a login and an ending that wait for a row end with an error, and leave nothing waiting', async (context) => {
  const scene = await open(context, 1)
  const { stores, keys, hold, letGo } = scene
  const [store] = stores
  const owned = newKey('ann')
  await store!.insert(owned, newRecord({ subject: 'ann' }))
  await hold(keys[0]!, owned)
  const login = store!.rotate(keys[0]!, 1, newKey('bob'), newRecord({ subject: 'bob', version: 2 }))
  const ending = store!.deleteBySubject('ann')
  for (const call of [login, ending]) {
    await expect(call).rejects.toMatchObject({ code: 'store-unavailable', message: /another transaction holds/ })
  }
  await until('nothing waits in the server', async () => (await waiting(scene)) === 0)
  await letGo()
  expect(await store!.countBySubject('ann')).toBe(1)
})

it('a key under which somebody is just storing something holds up no other of the turn', async (context) => {
  const { stores, eye, records } = await open(context, 1)
  const [store] = stores
  const keys = upTo(10).map(() => newKey())
  const { rows } = await eye.client.query<{ name: string }>(
    `select oid::regclass::text as name from pg_class where relname = 'sojourn_sessions'`,
  )
  await eye.client.query('begin')
  await eye.client.query(
    `insert into ${rows[0]?.name} select $1, state, version, epoch, created_at, seen_at, expires_at, handle, subject, moved_to, meta, data
     from ${rows[0]?.name} limit 1`,
    [keys[0]],
  )
  const inserts = keys.map((key, n) => store!.insert(key, records[n]!))
  const others = await Promise.all(inserts.slice(1))
  expect(others.map(({ outcome }) => outcome)).toEqual(upTo(9).map(() => 'inserted'))
  await eye.client.query('commit')
  expect(await inserts[0]).toEqual({ outcome: 'exists' })
})
