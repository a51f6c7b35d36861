import { dirname } from 'node:path'
import { warn } from '#platform'
import type { Clock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import { parseDuration } from '../core/duration.ts'
import { assertOption, checkClock, checkFunction, checkNames, optionNames } from '../core/options.ts'
import type {
  ClearableStore,
  ClosableStore,
  Durability,
  DurableStore,
  ScannableStore,
  Store,
  SubjectStore,
  SweepableStore,
} from '../core/store.ts'
import { looseFile, looseFolder } from './shared/modes.ts'
import { stored } from './shared/texts.ts'
import { ownConnection, sharedConnection } from './sqlite/connection.ts'
import type { SqliteDatabase } from './sqlite/database.ts'
import { openDatabase } from './sqlite/database.ts'
import {
  deleteRecord,
  entryAt,
  insertRecord,
  isOne,
  rotateRecord,
  type Statements,
  statementsOf,
  sweepRows,
  updateRecord,
} from './sqlite/operations.ts'
import { keyIn, numberIn, recordIn } from './sqlite/rows.ts'
import { ensureSchema, patiently } from './sqlite/schema.ts'
import { createTransactions, type Transactions } from './sqlite/transactions.ts'

export type { SqliteDatabase, SqliteStatement, SqliteValue } from './sqlite/database.ts'

/** Options that do not depend on where the database comes from. */
interface CommonOptions {
  /** Name of the table; several stores may share a database under several names. @defaultValue 'sojourn_sessions' */
  readonly table?: string
  /** @defaultValue Date.now */
  readonly now?: Clock
  /**
   * How long a write waits while another process holds the file; the event loop runs on. Keep it below the sessions'
   * `storeTimeout`, so that a write which was reported as failed is not done later. @defaultValue '1800ms'
   */
  readonly busyTimeout?: Duration
}

/** Where the sessions are kept: in a file that the store opens and closes, or in a database that is open already. */
export type SqliteStoreOptions = CommonOptions &
  (
    | {
        /** The file; it and its folder are made if they are missing, for this user alone. */
        readonly path: string
        readonly database?: never
        /**
         * Is told when a file or folder that was there before lets every user of the machine read or change the sessions.
         * @defaultValue a warning of the runtime
         */
        readonly onWarning?: (message: string) => void
      }
    | {
        /**
         * An open database of `node:sqlite`, `bun:sqlite` or better-sqlite3. The store never closes it and leaves its
         * settings alone; set `journal_mode = WAL` on it unless only this process uses it.
         */
        readonly database: SqliteDatabase
        readonly path?: never
        readonly onWarning?: never
      }
  )

/** What {@link sqliteStore} gives. */
export type SqliteStore = Store &
  SubjectStore &
  ClearableStore &
  SweepableStore &
  ScannableStore &
  ClosableStore &
  DurableStore

// A row to remove lies on three or four pages of its own: this is half a millisecond's work. The next turn goes on.
const SWEEP_ROWS = 25
// A checkpoint happens in the turn whose commit fills the log up to here. SQLite's own 1000 pages held the event loop for
// 10 ms beside the waiting for the disk, 400 hold it for 5; fewer make the disk wait too often.
const CHECKPOINT_PAGES = 400
const PAGE_SIZE = 100

/**
 * Sessions in a SQLite file, which any number of processes of one machine may share.
 *
 * Logins, rotations and endings are on the disk before they are answered. Other saves outlive a crash of the process, and
 * a crash of the machine may lose those of the last moments. Nothing runs in the background; the file shrinks only by
 * `VACUUM`, its space is used again.
 * @throws TypeError for wrong options. @throws Error when the database cannot be opened or was made by a newer version.
 */
export function sqliteStore(options: SqliteStoreOptions): SqliteStore {
  checkNames('sqliteStore', options, NAMES)
  const { now = Date.now } = options
  checkClock('sqliteStore: now', now)
  const table = checkedTable(options.table ?? 'sojourn_sessions')
  const patience = parseDuration('sqliteStore: busyTimeout', options.busyTimeout ?? '1800ms')
  const isOwn = checkedSource(options)
  const database = isOwn ? openOwn(options.path, table) : options.database
  if (!isOwn) ensureSchema(database, table)
  if (isOwn) tellLooseModes(options.path, options.onWarning ?? warn)
  const connection = isOwn ? ownConnection(database) : sharedConnection(database)
  const transactions = createTransactions(connection, patience)
  const sql = statementsOf(database, table)
  let closing: Promise<void> | undefined
  return {
    name: 'sqlite',
    ...recordsIn(sql, transactions, now),
    ...subjectsIn(sql, transactions, now),
    ...upkeepOf(sql, transactions, now),
    durability: DURABILITY,
    close() {
      closing ??= transactions.close().then(() => {
        if (isOwn) database.close()
      })
      return closing
    },
  }
}

// With the defaults of Linux, which writes to the disk what is 30 seconds old, and looks every 5.
const BY_SYSTEM = { processCrash: 0, machineCrash: 35_000, failover: Infinity }
const DURABILITY: Durability = {
  decisive: { ...BY_SYSTEM, machineCrash: 0 },
  saves: BY_SYSTEM,
  touches: BY_SYSTEM,
  words:
    'sqlite: logins, rotations and endings are on the disk before they are answered; other saves are with the ' +
    'operating system, which writes them within 35 seconds on Linux; a lost disk takes everything with it',
}

type Parts = [sql: Statements, transactions: Transactions, now: Clock]

function recordsIn(...[sql, transactions, now]: Parts): Omit<Store, 'name'> {
  return {
    get: (key) =>
      transactions.run('read', () => {
        const entry = entryAt(sql, key, now())
        // Most misses find no row at all; only one that finds an expired row is worth a write.
        if (entry === undefined && (sql('findAny').get(key) ?? undefined) !== undefined) {
          // Nobody waits for it, and the sweep finds what it leaves.
          transactions.run('cheap', () => sql('deleteAbsent').run(key, now())).catch(() => undefined)
        }
        return entry
      }),
    insert(key, record, cap) {
      const own = { ...record }
      const kind = record.subject === undefined ? 'cheap' : 'durable'
      return transactions.run(kind, () => insertRecord(sql, now(), key, own, cap))
    },
    update(key, version, record) {
      const own = { ...record }
      return transactions.run('cheap', () => updateRecord(sql, now(), key, version, own))
    },
    touch: (key, seenAt, expiresAt) =>
      transactions.run('cheap', () => isOne(sql('touch').run(seenAt, expiresAt, key, now()))),
    rotate(key, version, newKey, record, options) {
      const [from, to] = [
        { key, version },
        { key: newKey, record: { ...record } },
      ]
      return transactions.run('durable', () => rotateRecord(sql, now(), from, to, { ...options }))
    },
    delete: (key, tombstone) => transactions.run('durable', () => deleteRecord(sql, now(), key, tombstone)),
  }
}

function subjectsIn(...[sql, transactions, now]: Parts): SubjectStore {
  return {
    listBySubject: (subject) =>
      transactions.run('read', () => sql('listBySubject').all(stored(subject), now()).map(recordIn)),
    countBySubject: (subject) =>
      transactions.run('read', () => numberIn(sql('countBySubject').get(stored(subject), now())) ?? 0),
    deleteByHandle: (subject, handle) =>
      transactions.run('durable', () => isOne(sql('deleteByHandle').run(stored(subject), stored(handle), now()))),
    deleteBySubject: (subject, except) =>
      transactions.run('durable', () =>
        Number(
          sql('deleteBySubject').run(stored(subject), now(), except === undefined ? null : stored(except)).changes,
        ),
      ),
  }
}

function upkeepOf(...[sql, transactions, now]: Parts): ClearableStore & SweepableStore & ScannableStore {
  return {
    clear: async () => {
      await transactions.run('durable', () => sql('clear').run())
    },
    async sweep(limit) {
      let removed = 0
      while (removed < limit) {
        const size = Math.min(limit - removed, SWEEP_ROWS)
        const count = await transactions.run('cheap', () => sweepRows(sql, now(), size))
        removed += count
        if (count < size) return { removed, isDone: true }
      }
      return { removed, isDone: false }
    },
    async *scan(options) {
      const size = options?.pageSize ?? PAGE_SIZE
      // What is inserted while the scan runs comes behind this row: else a busy store would never be at its end.
      const last = await transactions.run('read', () => numberIn(sql('lastId').get()) ?? 0)
      for (let after = 0; after < last;) {
        const page = await transactions.run('read', () => readPage(sql, now(), { after, last, size }))
        if (page === undefined) return
        if (page.entries.length > 0) yield page.entries
        after = page.end
      }
    },
  }
}

/** The live ones among the next rows, however many those are: the work of one page stays small among expired rows too. */
function readPage(sql: Statements, at: number, range: { after: number; last: number; size: number }) {
  const end = numberIn(sql('pageEnd').get(range.after, range.last, range.size))
  if (end === undefined) return undefined
  const rows = sql('page').all(range.after, end, at)
  return { end, entries: rows.map((row) => [keyIn(row), recordIn(row)] as const) }
}

function openOwn(path: string, table: string): SqliteDatabase {
  const database = openDatabase(path)
  try {
    // Waiting for locks is done outside of SQLite, which would stop the process for it.
    database.exec('PRAGMA busy_timeout = 0')
    patiently(() => database.exec('PRAGMA journal_mode = WAL'))
    database.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    // New tables need not be on the disk before the first login, whose commit takes them along.
    database.exec('PRAGMA synchronous = NORMAL')
    ensureSchema(database, table)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

const NAMES = optionNames<SqliteStoreOptions>({
  path: true,
  database: true,
  table: true,
  now: true,
  busyTimeout: true,
  onWarning: true,
})

// Once the file is there for certain: one that was just made is never loose.
function tellLooseModes(path: string, onWarning: (message: string) => void): void {
  if (path === ':memory:') return
  for (const flaw of [looseFile(path), looseFolder(dirname(path))]) {
    if (flaw !== undefined) onWarning(`sqlite: ${flaw}`)
  }
}

function checkedSource(options: SqliteStoreOptions): options is SqliteStoreOptions & { readonly path: string } {
  const { path, database } = options
  assertOption((path === undefined) !== (database === undefined), 'sqliteStore: give either path or database')
  assertOption(
    path === undefined || (typeof path === 'string' && path !== ''),
    'sqliteStore: path: expected the name of a file',
  )
  assertOption(
    database === undefined || typeof database?.prepare === 'function',
    'sqliteStore: database: expected an open database of node:sqlite, bun:sqlite or better-sqlite3',
  )
  checkFunction('sqliteStore: onWarning', options.onWarning, 'that is given a text')
  return path !== undefined
}

function checkedTable(table: string): string {
  // The name goes into the text of every statement (CVE-2019-15658), so it may hold nothing that needs quoting.
  assertOption(
    typeof table === 'string' && /^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(table) && !/^sqlite_/i.test(table),
    'sqliteStore: table: expected letters, digits and _, without a digit or "sqlite_" at the beginning',
  )
  return table
}
