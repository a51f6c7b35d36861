import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'

/** What a statement takes and what a column gives. */
export type SqliteValue = string | number | null

/** The part of a prepared statement that the store calls; the three drivers agree on it. */
export interface SqliteStatement {
  /** Executes the statement; tells how many rows changed. */
  run(...values: SqliteValue[]): { readonly changes: number | bigint }
  /** The first row; undefined or null when there is none. */
  get(...values: SqliteValue[]): unknown
  /** All rows. */
  all(...values: SqliteValue[]): unknown[]
  /** Of `node:sqlite` since Node 22.16 and 24: rows are lists, and no longer objects. */
  setReturnArrays?(enabled: boolean): void
}

/**
 * The part of a database that the store calls: what `DatabaseSync` of `node:sqlite`, `Database` of `bun:sqlite` and that
 * of better-sqlite3 have in common.
 */
export interface SqliteDatabase {
  /** Compiles one statement. */
  prepare(sql: string): SqliteStatement
  /** Executes statements without parameters. */
  exec(sql: string): unknown
  /** Closes the file. */
  close(): unknown
}

/**
 * Opens the file, and makes it and its folder if they are missing. A new file is readable for its owner only: it holds
 * every visitor's data.
 * @throws Error that says what to do when the runtime has no SQLite or the file cannot be made.
 */
export function openDatabase(path: string): SqliteDatabase {
  const open = findDriver()
  if (path !== ':memory:') makeFile(path)
  try {
    return open(path)
  } catch (error) {
    throw new Error(`sqlite: ${path} cannot be opened: ${messageOf(error)}`, { cause: error })
  }
}

function makeFile(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    // A file that is there must not even be opened: closing it would take away the locks that other connections of this
    // process have on it (https://sqlite.org/howtocorrupt.html, 2.2).
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return
    throw new Error(`sqlite: ${path} cannot be made or written: ${messageOf(error)}`, { cause: error })
  }
}

type Open = (path: string) => SqliteDatabase

// Looked up when a store is made and not imported: where it is missing, everything else of the package still loads.
function findDriver(): Open {
  const node = builtin('node:sqlite')
  if (hasDatabaseSync(node)) return (path) => new node.DatabaseSync(path)
  const bun = builtin('bun:sqlite')
  if (hasDatabase(bun)) return (path) => new bun.Database(path, { create: true, readwrite: true })
  throw new Error(
    'sqlite: this runtime has no SQLite of its own; use Node 22.13 or later, Bun or Deno 2.2, ' +
      'or pass an open better-sqlite3 database: sqliteStore({ database })',
  )
}

function builtin(name: string): unknown {
  // Node before 20.16 has no such function, and Bun answers a name it does not know with an exception.
  try {
    return process.getBuiltinModule?.(name)
  } catch {
    return undefined
  }
}

function hasDatabaseSync(value: unknown): value is { readonly DatabaseSync: new (path: string) => SqliteDatabase } {
  return typeof value === 'object' && value !== null && 'DatabaseSync' in value
}

interface BunSqlite {
  readonly Database: new (path: string, options: { create: boolean; readwrite: boolean }) => SqliteDatabase
}

function hasDatabase(value: unknown): value is BunSqlite {
  return typeof value === 'object' && value !== null && 'Database' in value
}

/** Another connection holds what this one needs, for now. Told by the code: the drivers' texts differ. */
export function isBusy(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  // node:sqlite has the number in `errcode`, bun:sqlite in `errno`; the low byte is the primary code, 5 is SQLITE_BUSY.
  const number = 'errcode' in error ? error.errcode : 'errno' in error ? error.errno : undefined
  if (typeof number === 'number' && (number & 0xff) === 5) return true
  if ('code' in error && typeof error.code === 'string' && error.code.startsWith('SQLITE_BUSY')) return true
  // The owner of a database that was passed in is in the middle of a transaction of its own.
  return error.message.includes('within a transaction')
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
