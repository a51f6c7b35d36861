import type { Clock } from '../../../core/clock.ts'
import type { Codec } from '../../../core/data/codec.ts'
import { checkFlag, checkNames, checkedCount, optionNames } from '../../../core/options.ts'
import type { Store } from '../../../core/store.ts'
import { fileStore } from '../../../stores/file.ts'
import { memoryStore } from '../../../stores/memory.ts'
import { sqliteStore } from '../../../stores/sqlite.ts'
import { refusalFor, refuseUnkeepable } from '../shared/keepable.ts'
import { keyedStore } from '../shared/keyed-store.ts'
import { queued } from '../shared/queued.ts'
import { heldObjects } from './held.ts'
import { keepingStore } from './keeping-store.ts'
import { newestStore } from './newest-store.ts'

/** Where an application keeps its sessions. */
export interface SessionStorage {
  /** How values are written, where not as JSON. */
  readonly codec?: Codec
  /** Refuses, at the assignment, what the storage cannot keep. */
  readonly accept?: (key: string, value: unknown) => void
  /** Opens the storage. */
  open(now: Clock): Store
}

/** Options of {@link memorySessions}. */
export interface MemorySessionsOptions {
  /** The session that was created first gives place to the one that is too many. @defaultValue 1000 */
  readonly maxSessions?: number
  /** A restart forgets all sessions: in production that must be asked for. @defaultValue false */
  readonly allowInProduction?: boolean
}

const MEMORY_NAMES = optionNames<MemorySessionsOptions>({ maxSessions: true, allowInProduction: true })

/**
 * Sessions in this process's memory, which accept any object: plain objects and lists are kept as data, and of all else
 * (instances of classes, connections, functions) the very object that was set is there again in the next request.
 * @throws TypeError when `maxSessions` is no whole number from 1 on.
 */
export function memorySessions(options: MemorySessionsOptions = {}): SessionStorage {
  checkNames('memorySessions', options, MEMORY_NAMES)
  const { maxSessions = 1000, allowInProduction = false } = options
  checkedCount('memorySessions: maxSessions', maxSessions)
  checkFlag('memorySessions: allowInProduction', allowInProduction)
  const { codec, objectsIn } = heldObjects()
  return {
    codec,
    accept: refusalFor(codec),
    open: (now) => {
      const store = memoryStore({ maxEntries: maxSessions, evict: 'oldest-created', allowInProduction, now })
      return keepingStore(store, maxSessions, objectsIn).store
    },
  }
}

/** Sessions in files of this directory, one for each, which outlive a restart. One process owns the directory. */
export function fileSessions(directory: string): SessionStorage {
  return { accept: refuseUnkeepable, open: (now) => fileStore({ directory, now }) }
}

/** Options of {@link sqliteSessions}. */
export interface SqliteSessionsOptions {
  /** There are never more than this and a tenth; then those that were used last stay. @defaultValue 100 */
  readonly maxSessions?: number
}

const SQLITE_NAMES = optionNames<SqliteSessionsOptions>({ maxSessions: true })

/**
 * Sessions in an SQLite database, which outlive a restart and may be shared by several processes.
 * @throws TypeError when `maxSessions` is no whole number from 1 on.
 */
export function sqliteSessions(path: string, options: SqliteSessionsOptions = {}): SessionStorage {
  checkNames('sqliteSessions', options, SQLITE_NAMES)
  const maxSessions = checkedCount('sqliteSessions: maxSessions', options.maxSessions ?? 100)
  return { accept: refuseUnkeepable, open: (now) => newestStore(sqliteStore({ path, now }), maxSessions) }
}

/** A storage of your own: what it is given to save it must give back, under the same id, unchanged. */
export interface CustomStorage {
  /** What was saved last under the id; undefined for one that is not known. */
  get(sessionId: string): unknown
  /** Keeps the session: a plain object that JSON can hold. */
  save(sessionId: string, session: Readonly<Record<string, unknown>>): unknown
  /** Forgets the session. Without this method, what has ended stays, marked as ended. */
  remove?(sessionId: string): unknown
}

/**
 * Sessions in a storage of your own, whose methods may return promises. They are called one after the other for each
 * session, in this process: several processes on one such storage can lose each other's changes.
 * @throws TypeError when a method is missing.
 */
export function customSessions(storage: CustomStorage): SessionStorage {
  if (typeof storage?.get !== 'function' || typeof storage.save !== 'function') {
    throw new TypeError('customSessions: expected an object with the methods get and save')
  }
  const remove = (key: string): unknown =>
    storage.remove === undefined ? storage.save(key, { state: 'dead', expiresAt: 0 }) : storage.remove(key)
  const atomically = queued({
    read: (key) => storage.get(key),
    write: (key, entry) => storage.save(key, { ...entry }),
    remove,
  })
  return { accept: refuseUnkeepable, open: (now) => keyedStore('custom', atomically, now) }
}
