import type { RowDataPacket } from 'mysql2'
import { expect, it, type TestContext } from 'vitest'
import { startMariadb } from '../../scripts/servers/mariadb.ts'
import type { Store } from '../../src/core/store.ts'
import { HOUR, MINUTE, nextOf, put, testKey, testRecord } from '../../src/testing/cases/fixtures.ts'
import { openPool } from './support/mysql-pools.ts'
import { type Bench, clockAt, mysqlBench } from './support/mysql-stores.ts'
import { own } from './support/own.ts'

const { now } = clockAt()
const START = now()
const HELD = 7
const sessions = Array.from({ length: 40 }, (_, n) => {
  const subject = `user-${n}`
  return { key: testKey(`n${n}`, subject), record: testRecord(START, `n${n}`, { subject }) }
})
const held = sessions[HELD] ?? { key: testKey('none'), record: testRecord(START, 'none') }
const others = sessions.filter(({ key }) => key !== held.key)
// The row is to be free within a second, which a busy machine may miss.
const IN_TIME = { retry: 5 }
const failure = { code: 'store-unavailable', message: 'mysql: another transaction kept its lock for too long' }

interface LockedBench extends Bench {
  readonly release: () => Promise<void>
}

/** Forty sessions, the row of one of them held by a transaction of somebody else. */
async function lockedBench(context: TestContext, { by = 'store_key', connectionLimit = 4 } = {}): Promise<LockedBench> {
  // A server of its own: the state of InnoDB is that of all databases.
  const server = await own(context, () => startMariadb())
  const bench = await mysqlBench(context, { now, url: server.url, poolOptions: { connectionLimit } })
  await Promise.all(sessions.map(({ key, record }) => put(bench.store, key, record)))
  const rival = openPool(bench.url, { connectionLimit: 1 })
  const [rows] = await rival.pool
    .promise()
    .query<RowDataPacket[]>(`SELECT id FROM sojourn_sessions WHERE store_key = '${held.key}'`)
  const condition = by === 'id' ? `id = ${Number(rows[0]?.['id'])}` : `store_key = '${held.key}'`
  await rival.pool.promise().query('BEGIN')
  await rival.pool.promise().query(`SELECT id FROM sojourn_sessions WHERE ${condition} FOR UPDATE`)
  let isHeld = true
  const release = async (): Promise<void> => {
    if (isHeld) await rival.pool.promise().query('COMMIT').then(rival.close)
    isHeld = false
  }
  context.onTestFinished(release)
  return { ...bench, release }
}

/** How many statements on the server have waited for a lock of a row. */
async function waits({ sql }: Bench): Promise<number> {
  const [row] = await sql("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_waits'")
  return Number(row?.['Value'])
}

/** With what it was rejected. */
const reasonOf = (call: Promise<unknown> | undefined): Promise<unknown> =>
  Promise.resolve(call).then(
    () => undefined,
    (error: unknown) => error,
  )

const saveAll = (store: Store, version: number, ones = sessions): readonly Promise<unknown>[] =>
  ones.map(({ key, record }) => store.update(key, version, { ...record, version: version + 1 }))
const updated = (ones: readonly unknown[]): readonly unknown[] => ones.map(() => ({ outcome: 'updated' }))

it.for(['store_key', 'id'])(
  'a row that another transaction holds by its %s keeps no other session of the turn waiting',
  async (by, context) => {
    const bench = await lockedBench(context, { by })
    const { store } = bench
    const saves = saveAll(store, 1)
    const touches = others.map(({ key }) => store.touch(key, START + 1, START + 2 * HOUR))
    const failed = reasonOf(saves[HELD])
    expect(await Promise.all(saves.filter((_, n) => n !== HELD))).toEqual(updated(others))
    expect(await Promise.all(touches)).toEqual(others.map(() => true))
    const found = await Promise.all(others.map(({ key }) => store.get(key)))
    expect(new Set(found.map((entry) => entry?.state === 'live' && entry.version))).toEqual(new Set([2]))
    expect(await failed).toMatchObject(failure)
    // All of this while the row was held; nothing of the failed save is done later.
    expect(await store.get(held.key)).toEqual(held.record)
    await bench.release()
    expect(await store.update(held.key, 1, nextOf(held.record))).toEqual({ outcome: 'updated' })
  },
)

it('a held row keeps no connection, so that a pool of one serves everybody else meanwhile', async (context) => {
  const bench = await lockedBench(context, { connectionLimit: 1 })
  const { store } = bench
  let isOver = false
  const failed = reasonOf(store.update(held.key, 1, nextOf(held.record))).finally(() => (isOver = true))
  const touched = reasonOf(store.touch(held.key, START + 1, START + 2 * HOUR))
  let version = 1
  for (; !isOver; version++) {
    expect(await Promise.all(saveAll(store, version, others))).toEqual(updated(others))
    expect(await store.get(others[0]?.key ?? held.key)).toMatchObject({ version: version + 1 })
  }
  expect(await Promise.all([failed, touched])).toMatchObject([failure, failure])
  expect(await waits(bench)).toBe(0)
})

it(
  'while a save waits for its row, the session is read as it is, and the next save comes after it',
  IN_TIME,
  async (context) => {
    const bench = await lockedBench(context)
    const { store } = bench
    const order: string[] = []
    const first = store.update(held.key, 1, nextOf(held.record, { data: '"first"' })).then(() => order.push('first'))
    expect(await store.get(held.key)).toEqual(held.record)
    const second = store
      .update(held.key, 2, { ...held.record, version: 3, data: '"second"' })
      .then(() => order.push('second'))
    await bench.release()
    await Promise.all([first, second])
    expect(order).toEqual(['first', 'second'])
    expect(await store.get(held.key)).toMatchObject({ version: 3, data: '"second"' })
  },
)

it('nor do two processes keep each other waiting, which each meet it in a turn of theirs', async (context) => {
  const bench = await lockedBench(context)
  const stores = [bench.store, bench.another()]
  const outcomes = stores.map((store, n) => {
    const half = sessions.filter((_, place) => place % 2 === n || place === HELD)
    return Promise.allSettled(saveAll(store, 1, half))
  })
  const all = (await Promise.all(outcomes)).flat()
  const refused = all.filter(({ status }) => status === 'rejected')
  expect(refused).toMatchObject([{ reason: failure }, { reason: failure }])
  expect(all).toHaveLength(sessions.length + 1)
  expect(await waits(bench)).toBe(0)
})

it('a save whose row is held for a moment only is done as soon as it is free', IN_TIME, async (context) => {
  const bench = await lockedBench(context)
  const saves = saveAll(bench.store, 1)
  await Promise.all(saves.filter((_, n) => n !== HELD))
  await bench.release()
  expect(await saves[HELD]).toEqual({ outcome: 'updated' })
  expect(await bench.store.get(held.key)).toMatchObject({ version: 2 })
})

it('what must wait for a row waits for a second, then its connection is free and set as before', async (context) => {
  const bench = await lockedBench(context, { connectionLimit: 5 })
  const { store, pool } = bench
  const cap = { max: 1, onLimit: 'evict-oldest' } as const
  const tombstone = { state: 'dead', expiresAt: START + MINUTE } as const
  const to = testKey('to', 'user-7')
  const calls = [
    store.rotate(held.key, 1, to, nextOf(held.record), { tombstone, cap }),
    store.insert(testKey('second', 'user-7'), { ...held.record, handle: 'second' }, cap),
    store.deleteBySubject('user-7'),
    store.deleteByHandle('user-7', held.record.handle),
  ]
  const all = Promise.all(calls.map((call) => reasonOf(call)))
  await expect.poll(() => waits(bench), { timeout: 20_000 }).toBeGreaterThan(0)
  expect(await Promise.all(saveAll(store, 1, others))).toEqual(updated(others))
  expect(await all).toMatchObject(calls.map(() => failure))
  await expect(store.delete(held.key, tombstone)).rejects.toMatchObject(failure)
  const settings = await Promise.all(
    Array.from({ length: 5 }, () =>
      pool.promise().query<RowDataPacket[]>('SELECT @@innodb_lock_wait_timeout AS seconds, SLEEP(0.1)'),
    ),
  )
  expect(new Set(settings.map(([rows]) => Number(rows[0]?.['seconds'])))).toEqual(new Set([50]))
  await bench.release()
  expect(await store.get(held.key)).toEqual(held.record)
  expect(await store.rotate(held.key, 1, to, nextOf(held.record), { tombstone, cap })).toMatchObject({
    outcome: 'rotated',
  })
})
