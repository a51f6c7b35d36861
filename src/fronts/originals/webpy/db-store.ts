import { pause } from '#platform'
import type { Clock } from '../../../core/clock.ts'
import type { Store as EngineStore } from '../../../core/store.ts'
import type { SqliteDatabase, SqliteStatement } from '../../../stores/sqlite.ts'
import { entryIn } from '../shared/entry.ts'
import type { Atomically, Decision } from '../shared/keyed-store.ts'
import { keyedStore } from '../shared/keyed-store.ts'
import type { StoredSession } from './stores.ts'
import { Store } from './stores.ts'

const FIND = 'SELECT data FROM $table WHERE session_id = ?'
const REPLACE = 'UPDATE $table SET data = ?, atime = ? WHERE session_id = ?'
const INSERT = 'INSERT INTO $table (session_id, data, atime) VALUES (?, ?, ?)'
const DELETE = 'DELETE FROM $table WHERE session_id = ?'
const CLEANUP = 'DELETE FROM $table WHERE atime < ?'

/**
 * Sessions in a table that is there already, of web.py's shape:
 *
 * ```sql
 * create table sessions (
 *   session_id char(128) unique not null, atime timestamp not null default current_timestamp, data text
 * )
 * ```
 *
 * The database is an open one of `node:sqlite`, `bun:sqlite` or better-sqlite3. What is read and written in one step is
 * one transaction, so several processes may share the database file.
 */
export class DBStore extends Store {
  readonly #db: SqliteDatabase
  readonly #sql: Readonly<Record<'find' | 'replace' | 'insert' | 'remove' | 'cleanup', SqliteStatement>>

  /**
   * @throws TypeError for a database or a table name that is none.
   * @throws Error when there is no such table.
   */
  constructor(db: SqliteDatabase, table: string) {
    super()
    if (typeof db?.prepare !== 'function') {
      throw new TypeError('DBStore: expected an open database, such as new DatabaseSync(path) of node:sqlite')
    }
    // The name goes into the text of the statements.
    if (!/^[A-Za-z_]\w{0,62}$/.test(table)) {
      throw new TypeError('DBStore: table must be letters, digits and _, and begin with no digit')
    }
    const prepare = (sql: string): SqliteStatement => db.prepare(sql.replace('$table', table))
    this.#db = db
    this.#sql = {
      find: prepare(FIND),
      replace: prepare(REPLACE),
      insert: prepare(INSERT),
      remove: prepare(DELETE),
      cleanup: prepare(CLEANUP),
    }
  }

  contains(key: string): boolean {
    return textIn(this.#sql.find.get(key)) !== undefined
  }

  get(key: string): StoredSession {
    return this.decode(textIn(this.#sql.find.get(key)) ?? '')
  }

  set(key: string, value: StoredSession): void {
    const [text, atime] = [this.encode(value), timestamp(this.now())]
    if (Number(this.#sql.replace.run(text, atime, key).changes) === 0) this.#sql.insert.run(key, text, atime)
  }

  delete(key: string): void {
    this.#sql.remove.run(key)
  }

  cleanup(timeout: number): number {
    return Number(this.#sql.cleanup.run(timestamp(this.now() - timeout * 1000)).changes)
  }

  override open(now: Clock, timeout: number): EngineStore {
    return { ...super.open(now, timeout), ...keyedStore('DBStore', this.#atomically, now) }
  }

  readonly #atomically: Atomically = (keys, decide) =>
    this.#patiently(() => {
      const read = (): ReturnType<typeof decide> =>
        decide(keys.map((key) => entryIn(this.contains(key) ? this.get(key) : undefined)))
      // One row is read in one piece; only what writes has to keep others out.
      const { result, writes = [] } = read()
      return keys.length === 1 && writes.length === 0 ? result : this.#inTransaction(read)
    })

  #inTransaction<R>(read: () => Decision<R>): R {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      const { result, writes = [] } = read()
      for (const [key, entry] of writes) {
        if (entry === undefined) this.delete(key)
        else this.set(key, { ...entry })
      }
      this.#db.exec('COMMIT')
      return result
    } catch (error) {
      this.#rollBack()
      throw error
    }
  }

  #rollBack(): void {
    try {
      this.#db.exec('ROLLBACK')
    } catch {
      // A full disk and the like end the transaction before they are reported.
    }
  }

  async #patiently<R>(work: () => R): Promise<R> {
    for (let attempt = 1; ; attempt++) {
      try {
        return work()
      } catch (error) {
        // Another process writes, or the owner of the database is in the middle of a transaction of its own.
        const isBusy = error instanceof Error && /locked|busy|within a transaction/i.test(error.message)
        if (!isBusy || attempt === 100) throw error
        await pause(10)
      }
    }
  }
}

function textIn(row: unknown): string | undefined {
  if (typeof row !== 'object' || row === null || !('data' in row)) return undefined
  return typeof row.data === 'string' ? row.data : ''
}

// As SQLite's own current_timestamp writes it, and finer; texts of this form sort as times do.
function timestamp(at: number): string {
  return new Date(at).toISOString().slice(0, -1).replace('T', ' ')
}
