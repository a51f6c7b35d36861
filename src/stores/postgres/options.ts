import type { Clock } from '../../core/clock.ts'
import { databaseOf, type PostgresClient } from './client.ts'
import type { Database } from './database.ts'
import type { PostgresReplication } from './durability.ts'
import { namesOf, type Names } from './names.ts'
import { type Layout, partitionsOf } from './schema.ts'
import type { WatchPlan } from './watch.ts'

/** Options of `postgresStore`. */
export interface PostgresStoreOptions extends Layout {
  /** The client. It stays the caller's: the store never closes it. */
  readonly client: PostgresClient
  /** @defaultValue Date.now */
  readonly now?: Clock
  /**
   * Whether statements are prepared, which saves the server and this process a few per cent. Not behind a PgBouncer before
   * 1.21. @defaultValue for `postgres` what that handle does by itself, for pg false
   */
  readonly prepare?: boolean
  /**
   * How `watch` hears of endings: by LISTEN over a connection that it keeps, with polling where that does not work, or by
   * polling only. @defaultValue 'listen'
   */
  readonly watch?: 'listen' | 'poll'
  /** How often it polls, if it polls. @defaultValue '1s' */
  readonly pollEvery?: `${number}ms` | `${number}s`
  /**
   * How long a statement may take before it counts as failed and others go on without it; what it was for may still be
   * done. Longer than the sessions' `storeTimeout`. @defaultValue '5s'
   */
  readonly statementTimeout?: `${number}ms` | `${number}s`
  /**
   * Whether the server waits for replicas (`synchronous_standby_names`), for `durability` to speak of: the store cannot
   * set it. @defaultValue 'asynchronous'
   */
  readonly replication?: PostgresReplication
}

/** The options, checked and whole. */
export interface Settings {
  readonly database: Database
  readonly names: Names
  readonly layout: Layout
  readonly now: Clock
  readonly watch: WatchPlan
  readonly replication: PostgresReplication
}

const OPTIONS: Readonly<Record<keyof PostgresStoreOptions, true>> = {
  client: true,
  table: true,
  schema: true,
  partitions: true,
  now: true,
  prepare: true,
  watch: true,
  pollEvery: true,
  statementTimeout: true,
  replication: true,
}

/** @throws TypeError that names what is wrong. */
export function checkedOptions(options: PostgresStoreOptions): Settings {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(OPTIONS, name))
  if (unknown !== undefined) {
    throw new TypeError(`postgres: there is no option "${unknown}"; there are ${Object.keys(OPTIONS).join(', ')}`)
  }
  const { table, schema, watch = 'listen', replication = 'asynchronous' } = options
  oneOf('watch', watch, ['listen', 'poll'])
  oneOf('replication', replication, ['asynchronous', 'synchronous'])
  const timeout = milliseconds('statementTimeout', options.statementTimeout ?? '5s')
  return {
    database: databaseOf(options.client, { prepare: options.prepare, timeout }),
    names: namesOf({ table, schema }),
    layout: { table, schema, partitions: partitionsOf(options) },
    now: options.now ?? Date.now,
    watch: { mode: watch, interval: milliseconds('pollEvery', options.pollEvery ?? '1s') },
    replication,
  }
}

function oneOf(option: string, value: string, values: readonly string[]): void {
  if (!values.includes(value)) throw new TypeError(`postgres: ${option} must be one of ${values.join(', ')}`)
}

function milliseconds(option: string, duration: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(duration) ?? []
  const value = Number(amount) * (unit === 's' ? 1000 : 1)
  if (value >= 1) return value
  throw new TypeError(`postgres: ${option} must be a duration such as '1s' or '250ms'`)
}
