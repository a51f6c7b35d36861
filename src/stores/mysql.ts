import { SessionError } from '../core/errors.ts'
import type {
  ClearableStore,
  CompleteStore,
  ScannableStore,
  Store,
  SubjectStore,
  SweepableStore,
} from '../core/store.ts'
import {
  clearCall,
  deleteCall,
  deleteResult,
  endCall,
  insertCall,
  insertResult,
  numberResult,
  rotateCall,
  rotateResult,
  sweepCall,
  type Which,
} from './mysql/calls.ts'
import { askOf } from './mysql/client.ts'
import { isRolledBack, unavailable } from './mysql/errors.ts'
import type { MysqlStoreOptions, Settings } from './mysql/options.ts'
import { checkedNames, checkedOptions } from './mysql/options.ts'
import { countBySubject, lastId, listBySubject, readPage } from './mysql/reads.ts'
import { createServer } from './mysql/server.ts'
import { ensureSchema, schemaStatements } from './mysql/setup.ts'
import { createTraffic, type Traffic } from './mysql/traffic.ts'
import { listening } from './mysql/watch.ts'
import { createWatching } from './shared/watching.ts'

export type { MysqlConnection, MysqlPool, MysqlPromisePool, MysqlQuery } from './mysql/client.ts'
export type { MysqlStoreOptions } from './mysql/options.ts'

/** What {@link mysqlStore} gives. */
export type MysqlStore = CompleteStore & {
  /**
   * Makes or upgrades the tables and procedures, and tells of settings of the server that sessions suffer from. Any
   * number of processes may call it at once; where all is up to date it changes nothing.
   * @throws SessionError `store-unavailable`; `unsupported` when a newer version made the tables.
   */
  setup(): Promise<void>
}

// A transaction of a few milliseconds, so that no lock is held for long.
const SWEEP_ROWS = 500
const PAGE_SIZE = 100

/**
 * Sessions in MySQL 8 or MariaDB 10.11 and later, through a pool of mysql2. Each call is one round trip and one
 * transaction; reads and saves of one turn of the event loop travel together. Call `setup()` before the first request,
 * or execute `mysqlSchema()`.
 * @throws TypeError for wrong options.
 */
export function mysqlStore(options: MysqlStoreOptions): MysqlStore {
  const settings = checkedOptions(options)
  const ask = askOf(settings.pool, isRolledBack)
  const traffic = createTraffic(ask, settings.names, settings.now)
  const watching = createWatching(listening(ask, settings.names, settings.watchInterval))
  const server = createServer(settings.onWarning)
  let closing: Promise<void> | undefined
  return {
    name: 'mysql',
    ...recordsIn(traffic, settings),
    ...subjectsIn(traffic, settings),
    ...upkeepOf(traffic, settings),
    watch: async (listener) => {
      if (closing !== undefined) throw new SessionError('closed', 'mysql: the store is closed')
      return await watching.watch(listener)
    },
    get durability() {
      return server.durability
    },
    async setup() {
      try {
        await ensureSchema(settings.pool, settings.names)
        await server.examine(ask)
      } catch (error) {
        throw unavailable(error)
      }
    },
    close() {
      closing ??= Promise.all([watching.close(), traffic.close()]).then(() => undefined)
      return closing
    },
  }
}

/**
 * The statements that make an empty database ready, for those who run migrations themselves: execute them one after the
 * other on one connection. A procedure holds semicolons, so the `mysql` client wants another `DELIMITER`.
 * @throws TypeError for wrong names.
 */
export function mysqlSchema(options: Pick<MysqlStoreOptions, 'table' | 'database'> = {}): readonly string[] {
  return schemaStatements(checkedNames(options))
}

function recordsIn(traffic: Traffic, { names, now }: Settings): Omit<Store, 'name'> {
  return {
    get: (key) => new Promise((settle, fail) => traffic.get(key, { settle, fail })),
    insert(key, record, cap) {
      const own = { ...record }
      return traffic.alone([key], (ask) => insertResult(ask, insertCall(names, now(), key, own, cap)))
    },
    update: (key, version, record) =>
      new Promise((settle, fail) => traffic.update(key, version, record, { settle, fail })),
    touch: (key, seenAt, expiresAt) =>
      new Promise((settle, fail) => traffic.touch(key, seenAt, expiresAt, { settle, fail })),
    rotate(key, version, newKey, record, options) {
      const to = { key: newKey, record: { ...record } }
      return traffic.alone([key, newKey], (ask) =>
        rotateResult(ask, rotateCall(names, now(), { key, version }, to, { ...options })),
      )
    },
    delete: (key, tombstone) =>
      traffic.alone([key], (ask) => deleteResult(ask, deleteCall(names, now(), key, tombstone))),
  }
}

function subjectsIn(traffic: Traffic, { names, now }: Settings): SubjectStore {
  const end = (subject: string, which: Which): Promise<number> =>
    traffic.alone([], (ask) => numberResult(ask, endCall(names, now(), subject, which)))
  return {
    listBySubject: (subject) => traffic.alone([], (ask) => listBySubject(ask, names, now(), subject)),
    countBySubject: (subject) => traffic.alone([], (ask) => countBySubject(ask, names, now(), subject)),
    deleteByHandle: async (subject, handle) => (await end(subject, ['one', handle])) > 0,
    deleteBySubject: (subject, except) => end(subject, except === undefined ? ['all'] : ['others', except]),
  }
}

function upkeepOf(traffic: Traffic, { names, now }: Settings): ClearableStore & SweepableStore & ScannableStore {
  return {
    clear: async () => {
      await traffic.alone([], (ask) => ask(clearCall(names)))
    },
    async sweep(limit) {
      let removed = 0
      while (removed < limit) {
        const size = Math.min(limit - removed, SWEEP_ROWS)
        const count = await traffic.alone([], (ask) => numberResult(ask, sweepCall(names, now(), size)))
        removed += count
        if (count < size) return { removed, isDone: true }
      }
      return { removed, isDone: false }
    },
    async *scan(options) {
      const size = options?.pageSize ?? PAGE_SIZE
      const last = await traffic.alone([], (ask) => lastId(ask, names))
      for (let after = 0; after < last;) {
        const page = await traffic.alone([], (ask) => readPage(ask, names, now(), { after, last, size }))
        if (page === undefined) return
        if (page.entries.length > 0) yield page.entries
        after = page.end
      }
    },
  }
}
