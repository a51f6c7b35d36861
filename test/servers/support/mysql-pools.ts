import mysql from 'mysql2'
import mysqlPromise from 'mysql2/promise'
import type { MysqlStoreOptions } from '../../../src/stores/mysql.ts'

/** A pool under test, and how it ends. */
export interface OpenPool {
  readonly client: MysqlStoreOptions['client']
  readonly close: () => Promise<void>
}

/** One kind of pool, or one with options that change what a driver gives. */
export interface PoolKind {
  readonly name: string
  readonly open: (url: string, options?: mysql.PoolOptions) => OpenPool
}

/** Both kinds of pools that the store takes, and options that must make no difference. */
export const poolKinds: readonly PoolKind[] = [
  { name: 'mysql2, createPool', open: openPool },
  {
    name: 'mysql2/promise, createPool',
    open(uri, options) {
      const pool = mysqlPromise.createPool({ uri, ...options })
      return { client: pool, close: () => pool.end() }
    },
  },
]

export function openPool(uri: string, options?: mysql.PoolOptions): OpenPool & { readonly pool: mysql.Pool } {
  const pool = mysql.createPool({ uri, ...options })
  return { client: pool, pool, close: () => pool.promise().end() }
}
