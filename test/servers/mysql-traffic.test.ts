import { inspect } from 'node:util'
import { expect, it, type TestContext } from 'vitest'
import { startMariadb } from '../../scripts/servers/mariadb.ts'
import type { Store } from '../../src/core/store.ts'
import { deadUntil, HOUR, MINUTE, nextOf, put, testKey, testRecord } from '../../src/testing/cases/fixtures.ts'
import { type Bench, clockAt, mysqlBench } from './support/mysql-stores.ts'
import { own } from './support/own.ts'

const { now } = clockAt()
const START = now()
const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n)

/** So many sessions, stored. */
async function stored(store: Store, count: number, prefix = 'n') {
  const sessions = numbers(count).map((n) => ({
    key: testKey(`${prefix}${n}`),
    record: testRecord(START, `${prefix}${n}`),
  }))
  await Promise.all(sessions.map(({ key, record }) => put(store, key, record)))
  return sessions
}

/** What the store's connections sent meanwhile, as the server's general log has it. */
async function statementsOf({ sql }: Bench, work: () => Promise<unknown>): Promise<readonly string[]> {
  await sql('TRUNCATE mysql.general_log')
  await work()
  const rows = await sql(
    'SELECT command_type AS kind, CONVERT(argument USING utf8mb4) AS text FROM mysql.general_log WHERE thread_id <> CONNECTION_ID()',
  )
  return rows.filter(({ kind }) => kind !== 'Connect').map(({ kind, text }) => `${String(kind)} ${String(text)}`)
}

async function loggedBench(context: TestContext): Promise<Bench> {
  const settings = { 'general-log': 'ON', 'log-output': 'TABLE' }
  const server = await own(context, () => startMariadb({ settings }))
  return await mysqlBench(context, { url: server.url, now, poolOptions: { connectionLimit: 4 } })
}

it('each operation is one statement on the wire, whatever its outcome', async (context) => {
  const bench = await loggedBench(context)
  const { store } = bench
  const record = testRecord(START, 'one', { subject: 'ann' })
  const [key, to] = [testKey('one', 'ann'), testKey('to', 'ann')]
  const cap = { max: 1, onLimit: 'evict-oldest' } as const
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    'get of nothing': () => store.get(key),
    insert: () => store.insert(key, record, cap),
    'insert again': () => store.insert(key, record, cap),
    get: () => store.get(key),
    update: () => store.update(key, 1, nextOf(record)),
    'update too late': () => store.update(key, 1, nextOf(record)),
    'update of nothing': () => store.update(testKey('none'), 1, nextOf(record)),
    touch: () => store.touch(key, START + 1, START + 2 * HOUR),
    'rotate too late': () => store.rotate(key, 1, to, nextOf(record)),
    rotate: () => store.rotate(key, 2, to, nextOf(record), { tombstone: deadUntil(START + MINUTE), cap }),
    'update of a mark': () => store.update(key, 2, nextOf(record)),
    'login with eviction': () => store.insert(testKey('next', 'ann'), { ...record, handle: 'next' }, cap),
    list: () => store.listBySubject('ann'),
    count: () => store.countBySubject('ann'),
    delete: () => store.delete(testKey('next', 'ann'), deadUntil(START + MINUTE)),
    'delete of nothing': () => store.delete(testKey('none')),
    'end one': () => store.deleteByHandle('ann', 'next'),
    'end all': () => store.deleteBySubject('ann'),
    clear: () => store.clear(),
    sweep: () => store.sweep(10),
  }
  for (const [name, call] of Object.entries(calls)) {
    const statements = await statementsOf(bench, call)
    expect(statements, name).toHaveLength(1)
    expect(statements[0], name).toMatch(/^Query (SELECT|CALL) /)
  }
})

it('operations of one turn travel together: 64 reads, and 64 saves, are one statement each', async (context) => {
  const bench = await loggedBench(context)
  const { store } = bench
  const sessions = await stored(store, 64)
  const read = await statementsOf(bench, async () => {
    expect(await Promise.all(sessions.map(({ key }) => store.get(key)))).toEqual(sessions.map(({ record }) => record))
  })
  expect(read).toHaveLength(1)
  const saved = await statementsOf(bench, async () => {
    const saves = sessions.map(({ key, record }, n) =>
      n % 2 === 0
        ? store.update(key, 1, nextOf(record, { data: `"${n}"` }))
        : store.touch(key, START + n, START + 2 * HOUR),
    )
    expect(new Set((await Promise.all(saves)).map((result) => JSON.stringify(result)))).toEqual(
      new Set(['true', '{"outcome":"updated"}']),
    )
  })
  expect(saved).toHaveLength(1)
  const after = await Promise.all(sessions.map(({ key }) => store.get(key)))
  expect(after.map((entry) => entry?.state === 'live' && [entry.version, entry.seenAt, entry.data])).toEqual(
    sessions.map(({ record }, n) => (n % 2 === 0 ? [2, START, `"${n}"`] : [1, START + n, record.data])),
  )
})

it('saves of one session in one turn are one statement: the first wins, and the others get its record', async (context) => {
  const bench = await loggedBench(context)
  const { store } = bench
  const record = await put(store, testKey('hot', 'ann'), testRecord(START, 'hot', { subject: 'ann' }))
  const next = numbers(50).map((n) => nextOf(record, { data: `"${n}"`, handle: 'not to be taken', subject: 'bob' }))
  const statements = await statementsOf(bench, async () => {
    const [first, ...others] = await Promise.all(next.map((record) => store.update(testKey('hot', 'ann'), 1, record)))
    expect(first).toEqual({ outcome: 'updated' })
    const current = { ...record, version: 2, data: '"0"' }
    for (const other of others) expect(other).toEqual({ outcome: 'conflict', current })
  })
  expect(statements).toHaveLength(1)
  const touches = await statementsOf(bench, async () => {
    const steps = [3, 9, 5]
    await Promise.all(steps.map((step) => store.touch(testKey('hot', 'ann'), START + step, START + HOUR + step)))
  })
  expect(touches).toHaveLength(1)
  expect(await store.get(testKey('hot', 'ann'))).toMatchObject({ seenAt: START + 9, expiresAt: START + HOUR + 9 })
})

it('what is wrong with one item of a batch is no fault of its neighbours', async (context) => {
  const { store, sql } = await mysqlBench(context, { now })
  const sessions = await stored(store, 4)
  await sql("ALTER TABLE sojourn_sessions ADD CHECK (data <> 'refused')")
  const saves = sessions.map(({ key, record }, n) =>
    store.update(key, 1, nextOf(record, { data: n === 2 ? 'refused' : '"new"' })),
  )
  const saved = await Promise.allSettled(saves)
  expect(saved.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  expect(saved[2]).toMatchObject({ reason: { code: 'store-unavailable' } })
  const shown = inspect(saved[2], { depth: null, showHidden: true })
  for (const secret of ['refused', Buffer.from('refused').toString('hex'), sessions[2]?.key])
    expect(shown).not.toContain(secret)
  await sql(`UPDATE sojourn_sessions SET state = 'odd' WHERE store_key = '${sessions[1]?.key ?? ''}'`)
  const found = await Promise.allSettled(sessions.map(({ key }) => store.get(key)))
  expect(found.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
  expect(found[1]).toMatchObject({ reason: { code: 'undecodable' } })
  expect(found[3]).toMatchObject({ value: { version: 2, data: '"new"' } })
})

it('batches fit into the smallest packet that a server may be set to, and a record that does not fit fails alone', async (context) => {
  const server = await own(context, () => startMariadb({ settings: { 'max-allowed-packet': '1M' } }))
  const { store } = await mysqlBench(context, { url: server.url, now })
  await roundTrips(store, '\u{1F98A}'.repeat(16_000))
  await roundTrips(store, 'é'.repeat(32_000))
  const large = await put(store, testKey('large'), testRecord(START, 'large'))
  await expect(store.update(testKey('large'), 1, nextOf(large, { data: 'x'.repeat(1 << 20) }))).rejects.toMatchObject({
    code: 'store-unavailable',
  })
  expect(await store.get(testKey('large'))).toEqual(large)
})

async function roundTrips(store: Store, data: string): Promise<void> {
  const sessions = await stored(store, 64, data.slice(0, 2))
  const next = sessions.map(({ record }) => nextOf(record, { data }))
  const results = await Promise.all(sessions.map(({ key, record }) => store.update(key, 1, nextOf(record, { data }))))
  expect(results).toEqual(sessions.map(() => ({ outcome: 'updated' })))
  expect(await Promise.all(sessions.map(({ key }) => store.get(key)))).toEqual(next)
}
