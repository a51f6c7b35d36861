import type { Clock } from '../core/clock.ts'
import type {
  ClearableStore,
  ClosableStore,
  ScannableStore,
  Store,
  SubjectStore,
  SweepableStore,
} from '../core/store.ts'
import { databaseOf, type PostgresClient } from './postgres/client.ts'
import { namesOf } from './postgres/names.ts'
import { createQueue } from './postgres/queue.ts'
import { recordsIn } from './postgres/records.ts'
import { ensureSchema, type Layout, partitionsOf, postgresSchema } from './postgres/schema.ts'
import { statementsFor } from './postgres/statements.ts'
import { subjectsIn } from './postgres/subjects.ts'
import { upkeepOf } from './postgres/upkeep.ts'

export type { PostgresClient } from './postgres/client.ts'
export { postgresSchema } from './postgres/schema.ts'

export interface PostgresStoreOptions extends Layout {
  readonly client: PostgresClient
  readonly now?: Clock
  readonly prepare?: boolean
}

export type PostgresStore = Store &
  SubjectStore &
  ClearableStore &
  SweepableStore &
  ScannableStore &
  ClosableStore & {
    setup(): Promise<void>
    schema(): string
  }

export function postgresStore(options: PostgresStoreOptions): PostgresStore {
  const names = namesOf(options)
  partitionsOf(options)
  const now = options.now ?? Date.now
  const database = databaseOf(options.client, options.prepare)
  const sql = statementsFor(names)
  const queue = createQueue(database, sql, now)
  return {
    name: 'postgres',
    ...recordsIn(queue, sql, now),
    ...subjectsIn(queue, sql, now),
    ...upkeepOf(queue, sql, now),
    setup: () => ensureSchema(database, options),
    schema: () => postgresSchema(options),
    async close() {
      await queue.close()
      database.release()
    },
  }
}
