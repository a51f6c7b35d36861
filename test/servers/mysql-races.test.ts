import { describe, expect, it, type TestContext } from 'vitest'
import { startMariadb } from '../../scripts/servers/mariadb.ts'
import type { SessionRecord, StoreNotice } from '../../src/core/store.ts'
import { nextOf, testKey, testRecord } from '../../src/testing/cases/fixtures.ts'
import { clockAt, mysqlBench } from './support/mysql-stores.ts'
import { openPool } from './support/mysql-pools.ts'
import { own } from './support/own.ts'

const ISOLATIONS = ['REPEATABLE READ', 'READ COMMITTED', 'SERIALIZABLE'] as const
const { now } = clockAt()
const START = now()
// Servers take their time on a busy machine.
const SOON = { timeout: 20_000 }
const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n)

/** Takes turns. */
function nth<T>(list: readonly T[], n: number): T {
  const one = list[n % list.length]
  if (one === undefined) throw new Error('an empty list')
  return one
}

const ofAnn = (label: string, changes?: Partial<SessionRecord>): SessionRecord =>
  testRecord(START, label, { subject: 'ann', ...changes })

describe.each(ISOLATIONS)('with connections at %s', (isolation) => {
  const benchOf = (context: TestContext) =>
    mysqlBench(context, { now, atConnect: `SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}` })

  it('RACE-14: of 50 logins at once through three pools, exactly the cap stays, and all others are told', async (context) => {
    const { store, another, sql } = await benchOf(context)
    const stores = [store, another(), another()]
    const cap = { max: 5, onLimit: 'evict-oldest' } as const
    const logins = numbers(50).map((n) =>
      nth(stores, n).insert(testKey(`${n}`, 'ann'), ofAnn(`${n}`, { createdAt: START + n }), cap),
    )
    const results = await Promise.all(logins)
    const evicted = results.flatMap((result) => (result.outcome === 'inserted' ? result.evicted : []))
    const left = (await store.listBySubject('ann')).map(({ handle }) => handle)
    expect(left).toHaveLength(5)
    expect([...evicted, ...left].toSorted()).toEqual(
      numbers(50)
        .map((n) => `handle-${n}`)
        .toSorted(),
    )
    expect(await sql('SELECT COUNT(*) AS n FROM sojourn_sessions')).toEqual([{ n: 5 }])
  })

  it('a cap that rejects lets exactly its number in', async (context) => {
    const { store, another } = await benchOf(context)
    const stores = [store, another()]
    const cap = { max: 7, onLimit: 'reject' } as const
    const results = await Promise.all(
      numbers(50).map((n) => nth(stores, n).insert(testKey(`${n}`, 'ann'), ofAnn(`${n}`), cap)),
    )
    expect(results.filter((result) => result.outcome === 'inserted')).toHaveLength(7)
    expect(await store.countBySubject('ann')).toBe(7)
  })

  it('of the first logins of a user, when there is no session yet that could be locked, a cap lets its number in', async (context) => {
    const { store, another } = await benchOf(context)
    const stores = [store, another(), another()]
    const users = numbers(100).map((n) => `user-${n}`)
    const cap = { max: 1, onLimit: 'reject' } as const
    await Promise.all(
      users.flatMap((subject) =>
        stores.map((own, n) => {
          const label = `${subject}-${n}`
          return own.insert(testKey(label, subject), testRecord(START, label, { subject }), cap)
        }),
      ),
    )
    const counts = await Promise.all(users.map((subject) => store.countBySubject(subject)))
    expect(counts).toEqual(users.map(() => 1))
  })

  it('RACE-6: of rotations of one session by several processes exactly one is done', async (context) => {
    const { store, another, sql } = await benchOf(context)
    const stores = [store, another(), another()]
    const record = ofAnn('one')
    await store.insert(testKey('one', 'ann'), record)
    const results = await Promise.all(
      numbers(30).map((n) =>
        nth(stores, n).rotate(testKey('one', 'ann'), 1, testKey(`to-${n}`, 'ann'), nextOf(record)),
      ),
    )
    expect(results.filter((result) => result.outcome === 'rotated')).toHaveLength(1)
    expect(await sql('SELECT COUNT(*) AS n FROM sojourn_sessions')).toEqual([{ n: 1 }])
  })

  it('RACE-1: increments from three processes lose nothing', async (context) => {
    const { store, another } = await benchOf(context)
    const stores = [store, another(), another()]
    const key = testKey('counter')
    await store.insert(key, testRecord(START, 'counter', { data: '0' }))
    await Promise.all(
      numbers(60).map(async (n) => {
        const own = nth(stores, n)
        let current = await own.get(key)
        for (;;) {
          if (current?.state !== 'live') throw new Error('the counter is gone')
          const result = await own.update(
            key,
            current.version,
            nextOf(current, { data: `${Number(current.data) + 1}` }),
          )
          if (result.outcome === 'updated') return
          current = result.outcome === 'conflict' ? result.current : undefined
        }
      }),
    )
    expect(await store.get(key)).toMatchObject({ data: '60', version: 61 })
  })

  it('RACE-10: logins beside the end of all sessions are ended with a notice, or are there', async (context) => {
    const { store, another } = await benchOf(context)
    const other = another({ watchInterval: '10ms' })
    const notices: StoreNotice[] = []
    const stop = await other.watch((notice) => notices.push(notice))
    await Promise.all(
      numbers(40).map((n) =>
        n % 8 === 7
          ? other.deleteBySubject('ann')
          : store.insert(testKey(`${n}`, 'ann'), ofAnn(`${n}`), { max: 100, onLimit: 'reject' }),
      ),
    )
    const begun = numbers(40).filter((n) => n % 8 !== 7)
    const found = await Promise.all(begun.map((n) => store.get(testKey(`${n}`, 'ann'))))
    const ended = begun.filter((_, i) => found[i] === undefined).map((n) => testKey(`${n}`, 'ann'))
    await expect
      .poll(() => new Set(notices.flatMap((notice) => (notice.kind === 'ended' ? [notice.key] : []))), SOON)
      .toEqual(new Set(ended))
    await stop()
  })
})

it('STORE-6: a call that InnoDB takes back for a deadlock is made again, and its answer is right', async (context) => {
  const { url } = await own(context, () => startMariadb())
  const { store, sql } = await mysqlBench(context, { now, url })
  for (const n of [1, 2]) await store.insert(testKey(`${n}`, 'ann'), ofAnn(`${n}`, { createdAt: START + n }))
  await sql('CREATE TABLE ballast (n INT)')
  const rival = openPool(url, { connectionLimit: 1 })
  const ask = (text: string): Promise<unknown> => rival.pool.promise().query(text)
  const lock = (n: number): Promise<unknown> =>
    ask(`SELECT data FROM sojourn_sessions WHERE store_key = '${testKey(`${n}`, 'ann')}' FOR UPDATE`)
  const deadlocks = async (): Promise<number> =>
    Number((await sql("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'"))[0]?.['Value'])
  await ask('BEGIN')
  // The transaction that has changed less is the one that is taken back.
  await ask('INSERT INTO ballast SELECT 1 FROM information_schema.collations')
  await lock(2)
  const ending = store.deleteBySubject('ann')
  // Who asks more often than ten times a second is shown the same state again and again.
  const waiting = (): Promise<unknown> =>
    sql("SELECT trx_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")
  await expect.poll(waiting, { ...SOON, interval: 200 }).toHaveLength(1)
  await lock(1)
  await ask('COMMIT')
  expect(await ending).toBe(2)
  expect(await deadlocks()).toBe(1)
  await rival.close()
})

it('STORE-7: a call that is killed in the middle leaves nothing behind, in its connection neither', async (context) => {
  const { url } = await own(context, () => startMariadb())
  const { store, sql } = await mysqlBench(context, { now, url, poolOptions: { connectionLimit: 1 } })
  const record = ofAnn('one')
  await store.insert(testKey('one', 'ann'), record)
  const rival = openPool(url, { connectionLimit: 1 })
  await rival.pool.promise().query('LOCK TABLES sojourn_sessions_endings READ')
  // It has changed the row by now, and waits to write down the ending.
  const rotation = store.rotate(testKey('one', 'ann'), 1, testKey('two', 'ann'), nextOf(record))
  const outcome = rotation.catch((error: unknown) => error)
  const waiting = (): Promise<readonly Readonly<Record<string, unknown>>[]> =>
    sql("SELECT id FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'")
  await expect.poll(waiting, SOON).toHaveLength(1)
  await sql(`KILL QUERY ${String((await waiting())[0]?.['id'])}`)
  expect(await outcome).toMatchObject({ code: 'store-unavailable', message: 'mysql: the statement was killed' })
  await rival.pool.promise().query('UNLOCK TABLES')
  await store.insert(testKey('three'), testRecord(START, 'three'))
  expect(await store.get(testKey('one', 'ann'))).toEqual(record)
  expect(await store.get(testKey('two', 'ann'))).toBeUndefined()
  await rival.close()
})
