import { describe, expect, it } from 'vitest'
import { type MysqlStore, mysqlStore } from '../../src/stores/mysql.ts'
import { nextOf, put, testKey, testRecord } from '../../src/testing/cases/fixtures.ts'
import { openPool } from './support/mysql-pools.ts'
import { type Bench, clockAt, mysqlBench } from './support/mysql-stores.ts'

const { now } = clockAt()
const START = now()
const TABLES = ['sojourn_sessions', 'sojourn_sessions_meta', 'sojourn_sessions_locks', 'sojourn_sessions_endings']

/** The procedures with all that tells one making of them from another. */
async function proceduresIn({ sql }: Pick<Bench, 'sql'>) {
  return await sql(
    `SELECT routine_name AS name, routine_comment AS comment, routine_definition AS text, created, last_altered
      FROM information_schema.routines WHERE routine_schema = DATABASE() ORDER BY routine_name`,
  )
}

async function textsIn(bench: Pick<Bench, 'sql'>): Promise<readonly unknown[]> {
  return (await proceduresIn(bench)).map(({ name, text, comment }) => [name, text, comment])
}

/** What each procedure is for. */
async function usesAll(store: MysqlStore, label: string): Promise<void> {
  const record = await put(store, testKey(label), testRecord(START, label, { subject: label }))
  expect(await store.update(testKey(label), 1, nextOf(record))).toEqual({ outcome: 'updated' })
  const next = nextOf(nextOf(record))
  expect(await store.rotate(testKey(label), 2, testKey(`${label}-2`), next)).toMatchObject({ outcome: 'rotated' })
  expect(await store.delete(testKey(`${label}-2`))).toBe(true)
  expect(await store.deleteBySubject(label)).toBe(0)
  expect(await store.sweep(1)).toMatchObject({ removed: 0 })
  await store.clear()
}

describe('setup', () => {
  it('completes a database that was restored without its procedures, and keeps its sessions', async (context) => {
    const from = await mysqlBench(context, { now })
    const record = await put(from.store, testKey('kept'), testRecord(START, 'kept'))
    const to = await mysqlBench(context, { now })
    const source = new URL(from.url).pathname.slice(1)
    for (const { name } of await proceduresIn(to)) await to.sql(`DROP PROCEDURE ${String(name)}`)
    for (const table of TABLES) {
      await to.sql(`CREATE OR REPLACE TABLE ${table} LIKE ${source}.${table}`)
      await to.sql(`INSERT INTO ${table} SELECT * FROM ${source}.${table}`)
    }
    await expect(to.store.delete(testKey('other'))).rejects.toThrow('procedure not found; run store.setup()')
    await to.another().setup()
    expect(await to.store.get(testKey('kept'))).toEqual(record)
    await usesAll(to.store, 'ann')
    expect(await textsIn(to)).toEqual(await textsIn(from))
  })

  it('replaces a procedure that has another text, whoever changed it, and leaves those alone that are right', async (context) => {
    const bench = await mysqlBench(context, { now })
    const before = await proceduresIn(bench)
    const sweep = before.find(({ name }) => String(name).includes('_sweep_'))
    const wrong = "BEGIN SELECT 'swept' AS outcome, 42 AS n; END"
    // As an earlier version made it, and by somebody who has kept the comment.
    for (const comment of ['', 'sojourn 0 abc', String(sweep?.['comment'])]) {
      await bench.sql(`CREATE OR REPLACE PROCEDURE ${String(sweep?.['name'])} (IN p_now BIGINT, IN p_limit INT)
        COMMENT '${comment}' ${wrong}`)
      expect(await bench.store.sweep(100)).toMatchObject({ removed: 42 })
      await bench.another().setup()
      expect(await bench.store.sweep(100)).toMatchObject({ removed: 0 })
    }
    const others = ({ name }: { readonly name?: unknown }): boolean => name !== sweep?.['name']
    expect((await proceduresIn(bench)).filter(others)).toEqual(before.filter(others))
    await usesAll(bench.store, 'ann')
  })

  it('leaves the procedures of a newer version alone, and those of other versions by name', async (context) => {
    const bench = await mysqlBench(context, { now })
    const [first] = await proceduresIn(bench)
    const name = String(first?.['name'])
    await bench.sql(`CREATE OR REPLACE PROCEDURE ${name} () COMMENT 'sojourn 99999 abc' BEGIN END`)
    await bench.sql("CREATE PROCEDURE sojourn_sessions_save_v1 () COMMENT 'old' BEGIN END")
    const before = await proceduresIn(bench)
    await bench.another().setup()
    expect(await proceduresIn(bench)).toEqual(before)
  })

  it('repairs once, by however many processes at one moment, while requests go on', async (context) => {
    const bench = await mysqlBench(context, { now, poolOptions: { connectionLimit: 2 } })
    const right = await textsIn(bench)
    const procedures = await proceduresIn(bench)
    await bench.sql(`DROP PROCEDURE ${String(procedures[0]?.['name'])}`)
    await bench.sql(`ALTER PROCEDURE ${String(procedures.find(({ name }) => String(name).includes('_save_'))?.['name'])}
      COMMENT 'from before'`)
    const record = await put(bench.store, testKey('busy'), testRecord(START, 'busy'))
    let isOver = false
    const saves = (async () => {
      let version = 1
      for (; !isOver; version++) {
        const result = await bench.store.update(testKey('busy'), version, { ...record, version: version + 1 })
        expect(result).toEqual({ outcome: 'updated' })
      }
    })()
    const setups = Array.from({ length: 8 }, () => bench.another().setup())
    await Promise.all(setups).finally(() => (isOver = true))
    await saves
    expect(await textsIn(bench)).toEqual(right)
    const made = await proceduresIn(bench)
    await bench.another().setup()
    expect(await proceduresIn(bench)).toEqual(made)
  })

  it('changes nothing for a user who may only call, and says when a repair needs another right', async (context) => {
    const bench = await mysqlBench(context, { now })
    const { store, close } = await callerOf(bench)
    const before = await proceduresIn(bench)
    await store.setup()
    await usesAll(store, 'ann')
    expect(await proceduresIn(bench)).toEqual(before)
    await bench.sql(`ALTER PROCEDURE ${String(before[0]?.['name'])} COMMENT 'changed'`)
    await expect(store.setup()).rejects.toThrow('or not those of setup()')
    // Its lock is free again.
    await bench.another().setup()
    await close()
  })
})

/** The store of a user without the right to make anything. */
async function callerOf({ url, sql }: Bench) {
  const database = new URL(url).pathname.slice(1)
  const user = `app_${database}`
  await sql(`CREATE USER ${user} IDENTIFIED BY 'pw'`)
  await sql(`GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON ${database}.* TO ${user}`)
  const { client, close } = openPool(Object.assign(new URL(url), { username: user, password: 'pw' }).href)
  return {
    store: mysqlStore({ client, now }),
    close: async () => {
      await close()
      await sql(`DROP USER ${user}`)
    },
  }
}
