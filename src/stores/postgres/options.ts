import type { Clock } from '../../core/clock.ts'
import type { Duration } from '../../core/duration.ts'
import { parseWait } from '../../core/duration.ts'
import { checkChoice, checkClock, checkFlag, checkNames, optionNames } from '../../core/options.ts'
import { databaseOf, type PostgresClient } from './client.ts'
import type { Database } from './database.ts'
import type { PostgresReplication } from './durability.ts'
import { namesOf, type Names } from './names.ts'
import { checkLayout, type Layout } from './schema.ts'
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
  readonly pollEvery?: Duration
  /**
   * How long a statement may take before it counts as failed and others go on without it; what it was for may still be
   * done. Longer than the sessions' `storeTimeout`. @defaultValue '5s'
   */
  readonly statementTimeout?: Duration
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
  /** Milliseconds that a statement may take. */
  readonly timeout: number
  readonly watch: WatchPlan
  readonly replication: PostgresReplication
}

const NAMES = optionNames<PostgresStoreOptions>({
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
})

/** @throws TypeError that names what is wrong. */
export function checkedOptions(options: PostgresStoreOptions): Settings {
  checkNames('postgresStore', options, NAMES)
  const { table, schema, prepare, now = Date.now, watch = 'listen', replication = 'asynchronous' } = options
  checkFlag('postgresStore: prepare', prepare)
  checkClock('postgresStore: now', now)
  checkChoice('postgresStore: watch', watch, ['listen', 'poll'])
  checkChoice('postgresStore: replication', replication, ['asynchronous', 'synchronous'])
  const timeout = parseWait('postgresStore: statementTimeout', options.statementTimeout ?? '5s')
  const layout = { table, schema, partitions: options.partitions }
  checkLayout('postgresStore', layout)
  return {
    database: databaseOf(options.client, { prepare, timeout }),
    names: namesOf(layout),
    layout,
    now,
    timeout,
    watch: { mode: watch, interval: parseWait('postgresStore: pollEvery', options.pollEvery ?? '1s') },
    replication,
  }
}
