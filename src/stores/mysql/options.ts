import { warn } from '#platform'
import type { Clock } from '../../core/clock.ts'
import type { MysqlPool, MysqlPromisePool } from './client.ts'
import { poolOf } from './client.ts'
import type { Names } from './tables.ts'
import { namesOf } from './tables.ts'

/** Options of the MySQL store. */
export interface MysqlStoreOptions {
  /**
   * A pool of `mysql2` or `mysql2/promise`. The store leaves it open. Its options may be any; the store depends on none
   * but `autocommit`, which must be on as it is by default.
   */
  readonly client: MysqlPool | MysqlPromisePool
  /**
   * Name of the table; the others and the procedures begin with it. Several stores may share a database.
   * @defaultValue 'sojourn_sessions'
   */
  readonly table?: string
  /** The database of the tables. @defaultValue that of the pool's connections */
  readonly database?: string
  /** @defaultValue Date.now */
  readonly now?: Clock
  /** How often `watch` looks for endings; only while somebody watches. @defaultValue '1s' */
  readonly watchInterval?: `${number}ms` | `${number}s`
  /** Is told what `setup` found wrong with the server's settings. @defaultValue the warnings of the platform */
  readonly onWarning?: (message: string) => void
}

/** The options, checked and whole. */
export interface Settings {
  readonly pool: MysqlPool
  readonly names: Names
  readonly now: Clock
  readonly watchInterval: number
  readonly onWarning: (message: string) => void
}

const OPTIONS: Readonly<Record<keyof MysqlStoreOptions, true>> = {
  client: true,
  table: true,
  database: true,
  now: true,
  watchInterval: true,
  onWarning: true,
}

/** @throws TypeError that names what is wrong. */
export function checkedOptions(options: MysqlStoreOptions): Settings {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(OPTIONS, name))
  if (unknown !== undefined) {
    throw new TypeError(`mysql: there is no option "${unknown}"; there are ${Object.keys(OPTIONS).join(', ')}`)
  }
  return {
    pool: poolOf(options.client),
    names: checkedNames(options),
    now: options.now ?? Date.now,
    watchInterval: milliseconds('watchInterval', options.watchInterval ?? '1s'),
    onWarning: options.onWarning ?? warn,
  }
}

/** @throws TypeError for names that would need more than quotes. */
export function checkedNames({ table, database }: { readonly table?: string; readonly database?: string }): Names {
  // With what is added to it, the name must not be longer than 64 characters, and it goes into the text of statements.
  const name = table ?? 'sojourn_sessions'
  if (typeof name !== 'string' || !/^[A-Za-z_][A-Za-z0-9_]{0,47}$/.test(name)) {
    throw new TypeError('mysql: table must be at most 48 letters, digits and _, and begin with no digit')
  }
  if (database !== undefined && (typeof database !== 'string' || !/^[A-Za-z0-9_$-]{1,64}$/.test(database))) {
    throw new TypeError('mysql: database must be at most 64 letters, digits, _, - and $')
  }
  return namesOf(name, database)
}

function milliseconds(option: string, duration: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(duration) ?? []
  const value = Number(amount) * (unit === 's' ? 1000 : 1)
  if (amount === undefined || value < 1)
    throw new TypeError(`mysql: ${option} must be a duration such as '1s' or '250ms'`)
  return value
}
