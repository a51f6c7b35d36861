import { isBusy, messageOf, type SqliteDatabase } from './database.ts'
import { numberIn } from './rows.ts'
import { FIND_META, forTable, MIGRATIONS, READ_SCHEMA, SCHEMA_VERSION, WRITE_SCHEMA } from './sql.ts'

// Several processes may start on one new file at the same moment; this happens before the first request, so it may wait.
const ATTEMPTS = 200
const PAUSE_MS = 25

/** Makes or upgrades the tables. Does nothing, not even lock, when they are up to date. */
export function ensureSchema(database: SqliteDatabase, table: string): void {
  const version = patiently(() => schemaOf(database, table))
  if (version > SCHEMA_VERSION) {
    throw new Error(
      `sqlite: table "${table}" has schema ${version}, and this version of sojourn knows ${SCHEMA_VERSION}; ` +
        'upgrade sojourn, or use another table',
    )
  }
  if (version < SCHEMA_VERSION) patiently(() => migrate(database, table))
}

/** Runs before the first request; waits in place while another process holds the file. */
export function patiently<R>(fn: () => R): R {
  for (let attempt = 1; ; attempt++) {
    try {
      return fn()
    } catch (error) {
      if (attempt === ATTEMPTS || !isBusy(error)) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
    }
  }
}

/** 0 when there are no tables yet. */
function schemaOf(database: SqliteDatabase, table: string): number {
  if (numberIn(database.prepare(forTable(FIND_META, table)).get()) === 0) return 0
  return numberIn(database.prepare(forTable(READ_SCHEMA, table)).get(), 'schema') ?? 0
}

function migrate(database: SqliteDatabase, table: string): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    // Asked again under the lock: another process may have done it in between.
    const version = schemaOf(database, table)
    for (const statements of MIGRATIONS.slice(version + 1)) {
      for (const sql of statements) database.exec(forTable(sql, table))
    }
    if (version > 0 && version < SCHEMA_VERSION) database.exec(forTable(WRITE_SCHEMA, table))
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    if (isBusy(error)) throw error
    throw new Error(`sqlite: table "${table}" cannot be made: ${messageOf(error)}`, { cause: error })
  }
}
