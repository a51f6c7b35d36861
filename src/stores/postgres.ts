import type { CompleteStore } from '../core/store.ts'
import { durabilityOf } from './postgres/durability.ts'
import { checkedOptions, type PostgresStoreOptions } from './postgres/options.ts'
import { createQueue } from './postgres/queue.ts'
import { recordsIn } from './postgres/records.ts'
import { ensureSchema, postgresSchema } from './postgres/schema.ts'
import { statementsFor } from './postgres/statements.ts'
import { subjectsIn } from './postgres/subjects.ts'
import { upkeepOf } from './postgres/upkeep.ts'
import { listeningIn } from './postgres/watch.ts'
import { createWatching } from './shared/watching.ts'

export type { PgConnection, PgPool, PgQuery } from './postgres/client-pg.ts'
export type { Pglite } from './postgres/client-pglite.ts'
export type { PostgresListening, PostgresQuery, PostgresSql } from './postgres/client-postgres.ts'
export type { PostgresClient } from './postgres/client.ts'
export type { PostgresReplication } from './postgres/durability.ts'
export type { Place as PostgresPlace } from './postgres/names.ts'
export type { PostgresStoreOptions } from './postgres/options.ts'
export { type Layout as PostgresLayout, postgresSchema } from './postgres/schema.ts'

/** What {@link postgresStore} gives. */
export type PostgresStore = CompleteStore & {
  /**
   * Makes the tables and functions, or those functions that are missing or not as this version has them; any number of processes may do so at once. Call it when
   * the program starts, or run the SQL of `schema()` with your migrations.
   * @throws SessionError `store-unavailable`, or `unsupported` for tables of a newer version or another layout, and for a
   * database in which it cannot work.
   */
  setup(): Promise<void>
  /** The SQL that `setup` runs in an empty database; see {@link postgresSchema}. */
  schema(): string
}

/**
 * Sessions in PostgreSQL 13 or later, or in a PGlite. Each operation is one call of a function in the database, and what
 * one turn of the event loop asks travels together. `docs/postgres.md` has the statements, and what survives which
 * accident.
 * @throws TypeError for wrong options.
 */
export function postgresStore(options: PostgresStoreOptions): PostgresStore {
  const { database, names, layout, now, timeout, watch, replication } = checkedOptions(options)
  const sql = statementsFor(names)
  const queue = createQueue(database, sql, now, timeout)
  const watching = createWatching(listeningIn(database, sql, names, watch))
  return {
    name: 'postgres',
    durability: durabilityOf(database, replication),
    ...recordsIn(queue, sql, now),
    ...subjectsIn(queue, sql, now),
    ...upkeepOf(queue, sql, now),
    watch: (listener) => watching.watch(listener),
    setup: () => ensureSchema(database, layout),
    schema: () => postgresSchema(layout),
    async close() {
      await Promise.all([queue.close(), watching.close()])
      database.release()
    },
  }
}
