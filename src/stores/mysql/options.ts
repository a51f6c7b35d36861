import { warn } from '#platform'
import type { Clock } from '../../core/clock.ts'
import type { Duration } from '../../core/duration.ts'
import { parseWait } from '../../core/duration.ts'
import { assertOption, checkClock, checkFunction, checkNames, optionNames } from '../../core/options.ts'
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
  readonly watchInterval?: Duration
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

const NAMES = optionNames<MysqlStoreOptions>({
  client: true,
  table: true,
  database: true,
  now: true,
  watchInterval: true,
  onWarning: true,
})
const SCHEMA_NAMES = optionNames<Pick<MysqlStoreOptions, 'table' | 'database'>>({ table: true, database: true })

/** @throws TypeError that names what is wrong. */
export function checkedOptions(options: MysqlStoreOptions): Settings {
  checkNames('mysqlStore', options, NAMES)
  const { now = Date.now, onWarning = warn } = options
  checkClock('mysqlStore: now', now)
  checkFunction('mysqlStore: onWarning', onWarning, 'that is given a text')
  return {
    pool: poolOf(options.client),
    names: namesFor('mysqlStore', options),
    now,
    watchInterval: parseWait('mysqlStore: watchInterval', options.watchInterval ?? '1s'),
    onWarning,
  }
}

/** The names for `mysqlSchema`. @throws TypeError that names what is wrong. */
export function checkedNames(options: Pick<MysqlStoreOptions, 'table' | 'database'>): Names {
  checkNames('mysqlSchema', options, SCHEMA_NAMES)
  return namesFor('mysqlSchema', options)
}

// No name may need more than quotes.
function namesFor(where: string, options: Pick<MysqlStoreOptions, 'table' | 'database'>): Names {
  const { table = 'sojourn_sessions', database } = options
  // With what is added to it, the name must not be longer than 64 characters, and it goes into the text of statements.
  assertOption(
    typeof table === 'string' && /^[A-Za-z_][A-Za-z0-9_]{0,47}$/.test(table),
    `${where}: table: expected at most 48 letters, digits and _, without a digit at the beginning`,
  )
  assertOption(
    database === undefined || (typeof database === 'string' && /^[A-Za-z0-9_$-]{1,64}$/.test(database)),
    `${where}: database: expected at most 64 letters, digits, _, - and $`,
  )
  return namesOf(table, database)
}
