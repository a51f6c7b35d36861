import type { SqliteDatabase } from './database.ts'

/** The transactions of one database, with the settings that each kind needs. */
export interface Connection {
  beginRead(): void
  /** Fails at once when another connection is writing; never waits in place. */
  beginWrite(kind: 'cheap' | 'durable'): void
  commit(): void
  /** Never fails: some errors have rolled back already. */
  rollback(): void
}

// https://sqlite.org/pragma.html#pragma_synchronous: in WAL mode 1 writes without waiting for the disk, 2 waits.
const NORMAL = 1
const FULL = 2

/** For a database that is the store's own: a setting is changed when it must differ, and left so. */
export function ownConnection(database: SqliteDatabase): Connection {
  let level = NORMAL
  const transaction = transactionsOf(database)
  database.exec(`PRAGMA synchronous = ${NORMAL}`)
  return {
    ...transaction,
    beginWrite(kind) {
      const wanted = kind === 'durable' ? FULL : NORMAL
      if (level !== wanted) {
        database.exec(`PRAGMA synchronous = ${wanted}`)
        level = wanted
      }
      transaction.begin()
    },
  }
}

/**
 * For a database that is somebody else's too: its settings are as its owner left them whenever the owner can look.
 * Durability is raised where the contract asks for it, and never lowered.
 */
export function sharedConnection(database: SqliteDatabase): Connection {
  const transaction = transactionsOf(database)
  let level: number | undefined
  const giveBack = (): void => {
    if (level !== undefined) database.exec(`PRAGMA synchronous = ${level}`)
    level = undefined
  }
  return {
    ...transaction,
    beginWrite(kind) {
      const found = readPragma(database, 'synchronous')
      if (kind === 'durable' && found < FULL) {
        database.exec(`PRAGMA synchronous = ${FULL}`)
        level = found
      }
      try {
        atOnce(database, transaction.begin)
      } catch (error) {
        giveBack()
        throw error
      }
    },
    commit() {
      transaction.commit()
      giveBack()
    },
    rollback() {
      transaction.rollback()
      giveBack()
    },
  }
}

/** Lets a lock that is taken be an error instead of a pause of the whole process. */
function atOnce(database: SqliteDatabase, fn: () => void): void {
  const timeout = readPragma(database, 'busy_timeout')
  database.exec('PRAGMA busy_timeout = 0')
  try {
    fn()
  } finally {
    database.exec(`PRAGMA busy_timeout = ${timeout}`)
  }
}

interface TransactionStatements {
  readonly beginRead: () => void
  readonly begin: () => void
  readonly commit: () => void
  readonly rollback: () => void
}

function transactionsOf(database: SqliteDatabase): TransactionStatements {
  const beginRead = database.prepare('BEGIN')
  const begin = database.prepare('BEGIN IMMEDIATE')
  const commit = database.prepare('COMMIT')
  return {
    beginRead: () => void beginRead.run(),
    begin: () => void begin.run(),
    commit: () => void commit.run(),
    rollback() {
      try {
        database.exec('ROLLBACK')
      } catch {
        // A full disk and the like end the transaction before they are reported.
      }
    },
  }
}

function readPragma(database: SqliteDatabase, name: 'synchronous' | 'busy_timeout'): number {
  const row: unknown = database.prepare(`PRAGMA ${name}`).get()
  const value: unknown = typeof row === 'object' && row !== null ? Object.values(row)[0] : undefined
  return typeof value === 'number' ? value : 0
}
