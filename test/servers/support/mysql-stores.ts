import type mysql from 'mysql2'
import { onTestFinished, type TestContext } from 'vitest'
import type { Clock } from '../../../src/core/clock.ts'
import { type MysqlStore, mysqlStore, type MysqlStoreOptions } from '../../../src/stores/mysql.ts'
import { openPool } from './mysql-pools.ts'
import { ownMariadbDatabase } from './shared.ts'

/** A store that is set up, and what looks at the server beside it. */
export interface Bench {
  readonly url: string
  readonly store: MysqlStore
  readonly pool: mysql.Pool
  /** Executes a statement on a connection that the store does not use. */
  readonly sql: (text: string) => Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Another process, as far as the server can tell. */
  readonly another: (options?: Partial<MysqlStoreOptions>) => MysqlStore
}

interface BenchOptions extends Partial<MysqlStoreOptions> {
  /** Instead of an own database on the shared server. */
  readonly url?: string
  readonly poolOptions?: mysql.PoolOptions
  /** Executed on every connection of the store's pools as soon as it is made. */
  readonly atConnect?: string
}

export async function mysqlBench(context: TestContext, options: BenchOptions = {}): Promise<Bench> {
  const { url = await ownMariadbDatabase(context), poolOptions, atConnect, ...storeOptions } = options
  const beside = openPool(url, { connectionLimit: 1 })
  onTestFinished(beside.close)
  const open = (): mysql.Pool => {
    const { pool, close } = openPool(url, poolOptions)
    onTestFinished(close)
    if (atConnect !== undefined) pool.on('connection', (connection) => void connection.query(atConnect))
    return pool
  }
  const pool = open()
  const store = mysqlStore({ client: pool, ...storeOptions })
  await store.setup()
  return {
    url,
    store,
    pool,
    sql: async (text) => {
      const [rows] = await beside.pool.promise().query<mysql.RowDataPacket[]>(text)
      return rows
    },
    another: (other) => mysqlStore({ client: open(), ...storeOptions, ...other }),
  }
}

/** A clock that stands still until it is moved. */
export function clockAt(start = 1_700_000_000_000): { readonly now: Clock; readonly advance: (by: number) => void } {
  let time = start
  return {
    now: () => time,
    advance(by) {
      time += by
    },
  }
}
