import { expect, it } from 'vitest'
import { startMariadb } from '../../scripts/servers/mariadb.ts'
import { HOUR, MINUTE, nextOf, testKey, testRecord } from '../../src/testing/cases/fixtures.ts'
import { type Bench, clockAt, mysqlBench } from './support/mysql-stores.ts'
import { own } from './support/own.ts'

const { now } = clockAt()
const START = now()

/** A hundred thousand sessions of 20,000 users, of which a thousand have expired. */
async function fill({ sql }: Bench, count = 100_000): Promise<void> {
  await sql(`INSERT INTO sojourn_sessions
    (store_key, epoch, state, version, handle, subject, created_at, seen_at, expires_at, meta, data)
    SELECT CONCAT('s1.abc.', LPAD(seq, 43, 'x')), 0, 'live', 1, seq, CONCAT('user-', seq MOD 20000), ${START}, ${START},
      IF(seq MOD 100 = 0, ${START}, ${START + HOUR}), '', REPEAT('x', 200) FROM seq_1_to_${count}`)
  await sql('ANALYZE TABLE sojourn_sessions')
}

/** How many rows the server reads for it, by index or not; the look itself reads the same number each time. */
async function rowsReadBy({ sql }: Bench, work: () => Promise<unknown>): Promise<number> {
  const read = async (): Promise<number> => {
    const rows = await sql("SHOW GLOBAL STATUS LIKE 'Handler_read%'")
    return rows.reduce((sum, row) => sum + Number(row['Value']), 0)
  }
  const [first, second] = [await read(), await read()]
  await work()
  return (await read()) - second - (second - first)
}

it('DOS-17: no operation reads more of 100,000 sessions than it is about, and every statement uses an index', async (context) => {
  const server = await own(context, () => startMariadb())
  const bench = await mysqlBench(context, { now, url: server.url, poolOptions: { connectionLimit: 1 } })
  await fill(bench)
  const { store, sql } = bench
  const [key, to] = [testKey('one', 'user-7'), testKey('two', 'user-7')]
  const record = testRecord(START, 'one', { subject: 'user-7' })
  const cap = { max: 5, onLimit: 'evict-oldest' } as const
  const tombstone = { state: 'dead', expiresAt: START + MINUTE } as const
  const calls: readonly (readonly [name: string, most: number, call: () => Promise<unknown>])[] = [
    ['insert', 60, () => store.insert(key, record, cap)],
    ['get', 8, () => Promise.all([store.get(key), store.get(to)])],
    ['update', 8, () => store.update(key, 1, nextOf(record))],
    ['update too late', 12, () => store.update(key, 1, nextOf(record))],
    ['touch', 8, () => store.touch(key, START + 1, START + 2 * HOUR)],
    ['rotate', 60, () => store.rotate(key, 2, to, nextOf(record, { version: 3 }), { cap, tombstone })],
    ['list', 30, () => store.listBySubject('user-7')],
    ['count', 20, () => store.countBySubject('user-7')],
    ['delete', 12, () => store.delete(to)],
    ['deleteByHandle', 40, () => store.deleteByHandle('user-8', '8')],
    ['deleteBySubject', 80, () => store.deleteBySubject('user-7')],
    ['scan', 80, () => store.scan({ pageSize: 10 })[Symbol.asyncIterator]().next()],
    ['clear', 12, () => store.clear()],
    ['sweep', 900, () => store.sweep(100)],
  ]
  await sql("UPDATE performance_schema.setup_consumers SET enabled = 'YES' WHERE name LIKE 'events_statements%'")
  await sql("UPDATE performance_schema.setup_instruments SET enabled = 'YES' WHERE name LIKE 'statement/%'")
  // A connection reads the procedures when it calls them first.
  await Promise.all(calls.slice(1, 5).map(([, , call]) => call()))
  await sql('TRUNCATE performance_schema.events_statements_history_long')
  const counts = new Map<string, number>()
  for (const [name, , call] of calls) counts.set(name, await rowsReadBy(bench, call))
  expect(
    calls.filter(([name, most]) => (counts.get(name) ?? Infinity) > most).map(([name]) => [name, counts.get(name)]),
  ).toEqual([])
  // But for the few rows that a page or a batch of the sweep has picked by index just before.
  const loose = await sql(`SELECT sql_text FROM performance_schema.events_statements_history_long
    WHERE no_index_used > 0 AND sql_text LIKE '%sojourn%' AND NOT sql_text REGEXP '[)] (page|picked) '`)
  expect(loose).toEqual([])
})
