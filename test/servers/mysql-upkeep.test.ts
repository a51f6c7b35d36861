import { describe, expect, it } from 'vitest'
import { startMariadb } from '../../scripts/servers/mariadb.ts'
import type { StoreNotice } from '../../src/core/store.ts'
import { type MysqlStore, mysqlSchema, mysqlStore } from '../../src/stores/mysql.ts'
import { HOUR, MINUTE, nextOf, put, testKey, testRecord } from '../../src/testing/cases/fixtures.ts'
import { clockAt, mysqlBench } from './support/mysql-stores.ts'
import { openPool } from './support/mysql-pools.ts'
import { own } from './support/own.ts'
import { ownMariadbDatabase } from './support/shared.ts'

const { now } = clockAt()
const START = now()
// Servers take their time on a busy machine.
const SOON = { timeout: 20_000 }
const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n)

describe('setup', () => {
  it('makes the tables once, by however many processes at one moment, and then changes nothing', async (context) => {
    const { store, sql, another } = await mysqlBench(context, { now, poolOptions: { connectionLimit: 2 } })
    for (const text of await dropAll(sql)) await sql(text)
    await expect(store.get(testKey('one'))).rejects.toMatchObject({
      code: 'store-unavailable',
      message: 'mysql: table not found; run store.setup()',
    })
    const stores = numbers(8).map(() => another())
    await Promise.all(stores.map((other) => other.setup()))
    const record = await put(store, testKey('one'), testRecord(START, 'one'))
    await another().setup()
    expect(await store.get(testKey('one'))).toEqual(record)
    expect(await store.rotate(testKey('one'), 1, testKey('two'), nextOf(record))).toEqual({
      outcome: 'rotated',
      evicted: [],
    })
  })

  it('finishes what was interrupted, and refuses tables of a newer version', async (context) => {
    const { store, sql } = await mysqlBench(context, { now })
    await sql('DROP PROCEDURE sojourn_sessions_insert_v2')
    await expect(store.insert(testKey('one'), testRecord(START, 'one'))).rejects.toThrow(
      'mysql: procedure not found; run store.setup()',
    )
    await sql('DELETE FROM sojourn_sessions_meta')
    await store.setup()
    await put(store, testKey('one'), testRecord(START, 'one'))
    await sql('UPDATE sojourn_sessions_meta SET schema_version = 3')
    await expect(store.setup()).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('is the statements of mysqlSchema, one after the other, and leaves the sql_mode as it was', async (context) => {
    const { pool, close } = openPool(await ownMariadbDatabase(context), { connectionLimit: 1 })
    const mode = (): Promise<unknown> =>
      pool
        .promise()
        .query('SELECT @@SESSION.sql_mode AS mode')
        .then(([rows]) => rows)
    await pool.promise().query("SET SESSION sql_mode = 'ANSI_QUOTES'")
    const before = await mode()
    for (const text of mysqlSchema({ table: 'visits' })) await pool.promise().query(text)
    expect(await mode()).toEqual(before)
    const store = mysqlStore({ client: pool, table: 'visits', now })
    const record = await put(store, testKey('one'), testRecord(START, 'one'))
    expect(await store.get(testKey('one'))).toEqual(record)
    await store.setup()
    expect(await mode()).toEqual(before)
    await close()
  })

  it('needs CREATE and CREATE ROUTINE, and the requests need EXECUTE and the rights on the rows', async (context) => {
    const { url, sql } = await mysqlBench(context, { now })
    const database = new URL(url).pathname.slice(1)
    await sql(`CREATE USER app_${database} IDENTIFIED BY 'pw'`)
    const address = Object.assign(new URL(url), { username: `app_${database}`, password: 'pw' }).href
    await sql(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${database}.* TO app_${database}`)
    const { client, close } = openPool(address)
    const store = mysqlStore({ client, now })
    await expect(store.insert(testKey('one'), testRecord(START, 'one'))).rejects.toThrow('lacks the right EXECUTE')
    await sql(`GRANT EXECUTE ON ${database}.* TO app_${database}`)
    await put(store, testKey('one'), testRecord(START, 'one'))
    await store.setup()
    expect(await store.delete(testKey('one'))).toBe(true)
    expect(await store.sweep(1)).toEqual({ removed: 0, isDone: true })
    await sql(`GRANT CREATE, CREATE ROUTINE ON ${database}.* TO app_${database}`)
    const later = openPool(address)
    const other = mysqlStore({ client: later.client, table: 'other', now })
    await other.setup()
    await put(other, testKey('one'), testRecord(START, 'one'))
    await Promise.all([close(), later.close()])
    await sql(`DROP USER app_${database}`)
  })
})

it('DOS-17: sweep leaves to the next one what somebody is at, and removes endings that nobody looks for any more', async (context) => {
  const { now: clock, advance } = clockAt()
  const { store, sql, url } = await mysqlBench(context, { now: clock })
  for (const n of numbers(5))
    await put(store, testKey(`${n}`), testRecord(START, `${n}`, { expiresAt: START + MINUTE }))
  await put(store, testKey('ended'), testRecord(START, 'ended'))
  await store.delete(testKey('ended'))
  await sql('UPDATE sojourn_sessions_endings SET ended_at = ended_at - 601')
  await put(store, testKey('ended'), testRecord(START, 'ended', { expiresAt: START + HOUR }))
  await store.delete(testKey('ended'))
  const rival = openPool(url, { connectionLimit: 1 })
  await rival.pool.promise().query('BEGIN')
  await rival.pool.promise().query(`SELECT id FROM sojourn_sessions WHERE store_key = '${testKey('2')}' FOR UPDATE`)
  advance(MINUTE)
  expect(await store.sweep(10)).toEqual({ removed: 4, isDone: true })
  await rival.pool.promise().query('COMMIT')
  expect(await store.sweep(10)).toEqual({ removed: 1, isDone: true })
  expect(await sql('SELECT COUNT(*) AS n FROM sojourn_sessions_endings')).toEqual([{ n: 1 }])
  await rival.close()
})

describe('durability', () => {
  it.for([
    { settings: {}, machineCrash: 0, processCrash: 0, warnings: 0 },
    { settings: { 'innodb-flush-log-at-trx-commit': '2' }, machineCrash: 1000, processCrash: 0, warnings: 1 },
    {
      settings: { 'innodb-flush-log-at-trx-commit': '0', 'innodb-flush-log-at-timeout': '3' },
      machineCrash: 3000,
      processCrash: 3000,
      warnings: 1,
    },
    { settings: { 'log-bin': 'binlog', 'sync-binlog': '0' }, machineCrash: 35_000, processCrash: 0, warnings: 1 },
    {
      settings: { 'log-bin': 'binlog', 'sync-binlog': '1', 'binlog-format': 'STATEMENT' },
      machineCrash: 0,
      processCrash: 0,
      warnings: 1,
    },
    { settings: { autocommit: 'OFF' }, machineCrash: 0, processCrash: 0, warnings: 1 },
  ])('STORE-8: is what the server says, and setup warns: $settings', async (expected, context) => {
    const server = await own(context, () => startMariadb({ settings: expected.settings }))
    const warnings: string[] = []
    const { client, close } = openPool(server.url)
    const store = mysqlStore({ client, now, onWarning: (message) => warnings.push(message) })
    expect(store.durability.words).toContain('assumed')
    await store.setup()
    expect(store.durability.decisive).toEqual({
      processCrash: expected.processCrash,
      machineCrash: expected.machineCrash,
      failover: Infinity,
    })
    expect(store.durability.words).not.toContain('assumed')
    expect(warnings).toHaveLength(expected.warnings)
    await close()
  })
})

describe('watch', () => {
  it('tells of every kind of ending in other processes', async (context) => {
    const { store, another, notices } = await watched(await mysqlBench(context, { now }))
    const other = another()
    const cap = { max: 1, onLimit: 'evict-oldest' } as const
    const login = async (label: string, subject: string): Promise<void> => {
      await other.insert(testKey(label, subject), testRecord(START, label, { subject }), cap)
    }
    for (const label of ['deleted', 'handle', 'subject', 'evicted', 'rotated']) await login(label, label)
    await other.delete(testKey('deleted', 'deleted'))
    await other.deleteByHandle('handle', 'handle-handle')
    await other.deleteBySubject('subject')
    await login('evictor', 'evicted')
    await other.rotate(testKey('rotated', 'rotated'), 1, testKey('to', 'rotated'), nextOf(testRecord(START, 'to')))
    await store.clear()
    const ended = ['deleted', 'handle', 'subject', 'evicted', 'rotated'].map((label) => ({
      kind: 'ended',
      key: testKey(label, label),
    }))
    await expect.poll(() => notices, SOON).toEqual([...ended, { kind: 'cleared' }])
  })

  it('hears of an ending that is committed after a later one', async (context) => {
    const { store, sql, url, notices } = await watched(await mysqlBench(context, { now }))
    const slow = openPool(url, { connectionLimit: 1 })
    const late = testKey('late')
    await slow.pool.promise().query('BEGIN')
    await slow.pool.promise().query(`INSERT INTO sojourn_sessions_endings (store_key, ended_at) VALUES ('${late}', 0)`)
    await put(store, testKey('one'), testRecord(START, 'one'))
    await store.delete(testKey('one'))
    await expect.poll(() => notices, SOON).toEqual([{ kind: 'ended', key: testKey('one') }])
    await slow.pool.promise().query('COMMIT')
    await expect.poll(() => notices.length, SOON).toBe(2)
    expect(notices[1]).toEqual({ kind: 'ended', key: late })
    expect(await sql('SELECT COUNT(*) AS n FROM sojourn_sessions_endings')).toEqual([{ n: 2 }])
    await slow.close()
  })

  it('STORE-5: says that notices may have been missed when the server was away, and goes on by itself', async (context) => {
    const server = await own(context, startMariadb)
    const { store, notices } = await watched(await mysqlBench(context, { now, url: server.url }))
    await put(store, testKey('one'), testRecord(START, 'one'))
    await server.kill9()
    await expect.poll(() => notices.at(-1), SOON).toEqual({ kind: 'interrupted' })
    await expect(store.get(testKey('one'))).rejects.toMatchObject({ code: 'store-unavailable' })
    const before = notices.length
    await server.restart()
    await expect.poll(() => notices.length, SOON).toBeGreaterThan(before)
    await put(store, testKey('two'), testRecord(START, 'two'))
    await store.delete(testKey('two'))
    await expect.poll(() => notices.at(-1), SOON).toEqual({ kind: 'ended', key: testKey('two') })
  })

  it('tells nobody who has stopped, and refuses when the store is closed', async (context) => {
    const bench = await mysqlBench(context, { now })
    const [one, two] = [await watched(bench), await watched(bench)]
    await one.stop()
    await put(bench.store, testKey('one'), testRecord(START, 'one'))
    await bench.store.delete(testKey('one'))
    await expect.poll(() => two.notices, SOON).toHaveLength(1)
    expect(one.notices).toEqual([])
    await bench.store.close()
    await expect(bench.store.watch(() => undefined)).rejects.toMatchObject({ code: 'closed' })
  })
})

async function watched<
  B extends { readonly store: MysqlStore; readonly another: (options: { watchInterval: '10ms' }) => MysqlStore },
>(bench: B) {
  const notices: StoreNotice[] = []
  const stop = await bench.another({ watchInterval: '10ms' }).watch((notice) => notices.push(notice))
  return { ...bench, notices, stop }
}

async function dropAll(
  sql: (text: string) => Promise<readonly Readonly<Record<string, unknown>>[]>,
): Promise<readonly string[]> {
  const tables = await sql('SHOW TABLES')
  const procedures = await sql(
    'SELECT routine_name AS name FROM information_schema.routines WHERE routine_schema = DATABASE()',
  )
  return [
    ...tables.map((row) => `DROP TABLE ${String(Object.values(row)[0])}`),
    ...procedures.map(({ name }) => `DROP PROCEDURE ${String(name)}`),
  ]
}
