import type mysql from 'mysql2'
import { describe, expect, it } from 'vitest'
import { mysqlStore } from '../../src/stores/mysql.ts'
import { put, testKey, testRecord } from '../../src/testing/cases/fixtures.ts'
import { lackingFor, storeCases } from '../../src/testing/index.ts'
import { clockAt, mysqlBench } from './support/mysql-stores.ts'
import { poolKinds } from './support/mysql-pools.ts'
import { ownMariadbDatabase } from './support/shared.ts'

/** Whatever the application set on its pool, or the server on its connections, must make no difference. */
const settings: readonly {
  readonly name: string
  readonly poolOptions?: mysql.PoolOptions
  readonly atConnect?: string
}[] = [
  { name: 'a pool of one connection', poolOptions: { connectionLimit: 1 } },
  { name: 'numbers as texts', poolOptions: { supportBigNumbers: true, bigNumberStrings: true } },
  { name: 'nothing decoded', poolOptions: { typeCast: false } },
  { name: 'everything decoded as text', poolOptions: { typeCast: (field) => field.string('utf8') } },
  {
    name: 'rows in tables, dates as texts',
    poolOptions: { nestTables: true, dateStrings: true, namedPlaceholders: true },
  },
  { name: 'the character set latin1', poolOptions: { charset: 'LATIN1_SWEDISH_CI' } },
  { name: 'found rows not counted', poolOptions: { flags: ['-FOUND_ROWS'] } },
  { name: 'several statements in one text', poolOptions: { multipleStatements: true, rowsAsArray: false } },
  { name: 'a time zone far away', poolOptions: { timezone: '+14:00' }, atConnect: "SET SESSION time_zone = '-12:00'" },
  ...[
    'ANSI,ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE',
    '',
    'TRADITIONAL',
    'NO_UNSIGNED_SUBTRACTION,PAD_CHAR_TO_FULL_LENGTH,HIGH_NOT_PRECEDENCE,NO_AUTO_VALUE_ON_ZERO',
    'ORACLE',
  ].map((mode) => ({ name: `sql_mode '${mode}'`, atConnect: `SET SESSION sql_mode = '${mode}'` })),
]

// The cases that turn on how values travel, and one of each operation.
const relevant = storeCases.filter(({ name }) =>
  /STORE-15|opaque|oldest first|scan gives|sweep removes|RACE-1: update at|never moves a time back|evict/.test(name),
)

describe.each(settings)('STORE-15: with $name', ({ poolOptions, atConnect }) => {
  it.for(relevant)('$name', async (storeCase, context) => {
    const { now, advance } = clockAt()
    const { store } = await mysqlBench(context, {
      now,
      ...(poolOptions === undefined ? {} : { poolOptions }),
      ...(atConnect === undefined ? {} : { atConnect }),
    })
    const harness = { store, now, advance: async (milliseconds: number) => advance(milliseconds) }
    expect(lackingFor(storeCase, harness)).toEqual([])
    await storeCase.run(harness)
  })
})

it.for(["''", "'STRICT_ALL_TABLES'"])('nothing is cut silently with sql_mode %s', async (mode, context) => {
  const { now } = clockAt()
  const { store, sql } = await mysqlBench(context, { now, atConnect: `SET SESSION sql_mode = ${mode}` })
  const longest = await put(
    store,
    testKey('longest', 'ann'),
    testRecord(now(), 'é'.repeat(124), { subject: '\u{1F98A}'.repeat(256) }),
  )
  expect(await store.get(testKey('longest', 'ann'))).toEqual(longest)
  expect(await store.listBySubject('\u{1F98A}'.repeat(256))).toEqual([longest])
  for (const changes of [{ subject: `${'\u{1F98A}'.repeat(256)}x` }, { handle: 'h'.repeat(256) }]) {
    const insertion = store.insert(testKey('longer'), testRecord(now(), 'longer', changes))
    await expect(insertion).rejects.toMatchObject({ code: 'too-large' })
  }
  expect(await sql('SELECT COUNT(*) AS n FROM sojourn_sessions')).toEqual([{ n: 1 }])
})

it('what a text holds is never taken for a part of a statement', async (context) => {
  const { now } = clockAt()
  const mode = "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'"
  const { store, sql } = await mysqlBench(context, { now, atConnect: mode })
  const nasty = `\\'; DROP TABLE sojourn_sessions; -- ? :a ' " \\" \` \0`
  const record = await put(
    store,
    testKey('one', nasty),
    testRecord(now(), nasty, { subject: nasty, data: nasty, meta: nasty }),
  )
  expect(await store.listBySubject(nasty)).toEqual([record])
  expect(await store.deleteByHandle(nasty, `handle-${nasty}`)).toBe(true)
  expect(await sql('SELECT COUNT(*) AS n FROM sojourn_sessions')).toEqual([{ n: 0 }])
  // @ts-expect-error -- what a store key is not
  await expect(store.get(nasty)).rejects.toBeInstanceOf(TypeError)
})

it.for(poolKinds)(
  'several stores share a database, and another database than that of the pool: $name',
  async (kind, context) => {
    const url = await ownMariadbDatabase(context)
    const { client, close } = kind.open(url.replace(/\/[^/]*$/, '/test'))
    const database = new URL(url).pathname.slice(1)
    const { now } = clockAt()
    const [one, two] = ['visits', 'Customers_2'].map((table) => mysqlStore({ client, database, table, now }))
    if (one === undefined || two === undefined) throw new Error('two stores')
    await Promise.all([one.setup(), two.setup()])
    const record = await put(one, testKey('one', 'ann'), testRecord(now(), 'one', { subject: 'ann' }))
    await put(two, testKey('one', 'ann'), testRecord(now(), 'two', { subject: 'ann' }))
    await two.clear()
    expect(await two.deleteBySubject('ann')).toBe(0)
    expect(await one.listBySubject('ann')).toEqual([record])
    expect(await one.sweep(10)).toEqual({ removed: 0, isDone: true })
    expect(await two.sweep(10)).toEqual({ removed: 1, isDone: true })
    await close()
  },
)
