import { createHash } from 'node:crypto'
import type { Pool as CallbackPool } from 'mysql2'
import mysql from 'mysql2'
import type { Pool as PromisePool } from 'mysql2/promise'
import mysqlPromise from 'mysql2/promise'
import { afterAll, expect, it } from 'vitest'
import { mysqlSchema, mysqlStore, type MysqlStoreOptions } from './mysql.ts'

export const callbackPoolFits = (pool: CallbackPool): MysqlStoreOptions['client'] => pool
export const promisePoolFits = (pool: PromisePool): MysqlStoreOptions['client'] => pool

// Pools connect when they are first used, and these never are.
const pool = mysql.createPool({})
const promisePool = mysqlPromise.createPool({})
const cluster = mysql.createPoolCluster()
afterAll(async () => {
  await Promise.all([pool.promise().end(), promisePool.end()])
})

it('takes pools of both kinds, and says what it wants instead of anything else', () => {
  expect(mysqlStore({ client: pool }).name).toBe('mysql')
  expect(mysqlStore({ client: promisePool }).name).toBe('mysql')
  for (const client of [undefined, null, {}, 'mysql://root@localhost', cluster, cluster.of('*'), () => pool]) {
    // @ts-expect-error -- no pools
    expect(() => mysqlStore({ client })).toThrow(new TypeError(POOL))
  }
})

const POOL =
  'mysqlStore: client: expected a pool, as createPool() of mysql2 or mysql2/promise makes it; ' +
  'a single connection cannot be used by several requests at once, and a cluster may read from replicas'

it('refuses options that do not exist, and names that would need more than quotes', () => {
  // @ts-expect-error -- misspelt
  expect(() => mysqlStore({ client: pool, tabel: 'x' })).toThrow(
    'mysqlStore: "tabel" is no option; there are client, table',
  )
  for (const table of ['', '1st', 'a`b', 'a b', 'a.b', 'é', 'x'.repeat(49)]) {
    expect(() => mysqlStore({ client: pool, table })).toThrow(/^mysqlStore: table: expected/)
    expect(() => mysqlSchema({ table })).toThrow(/^mysqlSchema: table: expected/)
  }
  expect(() => mysqlStore({ client: pool, database: 'a`; DROP' })).toThrow(/^mysqlStore: database: expected/)
  // @ts-expect-error -- a number has no unit
  expect(() => mysqlStore({ client: pool, watchInterval: 5 })).toThrow(
    /^mysqlStore: watchInterval: expected a duration/,
  )
  expect(() => mysqlStore({ client: pool, watchInterval: '0s' })).toThrow(TypeError)
})

it('every name is quoted and begins with that of the table, and no name is too long for the server', () => {
  const table = 'x'.repeat(48)
  const names = mysqlSchema({ table, database: 'my-db' }).flatMap((sql) =>
    [...sql.matchAll(/(`my-db`\.)?`([^`]+)`/g)].map(([, database, name]) => ({ database, name: name ?? '' })),
  )
  expect(names.length).toBeGreaterThan(20)
  for (const { database, name } of names) {
    expect(database).toBe('`my-db`.')
    expect(name.startsWith(table) && name.length <= 64).toBe(true)
  }
})

it('tables that were published under a version are never changed', () => {
  const tables = mysqlSchema().filter((sql) => !sql.startsWith('CREATE PROCEDURE'))
  const digest = createHash('sha256').update(tables.join('\n')).digest('hex')
  // Another text needs another SCHEMA_VERSION, and a way from this one to it.
  expect(digest).toMatchInlineSnapshot(`"6a6ce9ffac8232289fc9e547bacda075c707f8f6330e4a2ef5e0a8a49099f191"`)
})
