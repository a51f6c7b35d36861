import { endOfTurn, isProduction, nextTurn } from '#platform'
import type { Clock } from '../core/clock.ts'
import type { StoreKey } from '../core/key.ts'
import { checkChoice, checkClock, checkFlag, checkNames, checkedCount, optionNames } from '../core/options.ts'
import type {
  ClearableStore,
  Durability,
  DurableStore,
  RotateResult,
  ScannableStore,
  SessionRecord,
  Store,
  StoreNotice,
  SubjectCap,
  SubjectStore,
  SweepableStore,
  Tombstone,
  UpdateResult,
  WatchableStore,
} from '../core/store.ts'
import type { Book, Eviction } from './memory/book.ts'
import { book } from './memory/book.ts'
import type { Entry, LiveEntry } from './memory/entry.ts'
import { expiresAtOf, isLive, liveEntry, markEntry, markOf, overwrite, recordOf, touch } from './memory/entry.ts'
import type { Watchers } from './shared/watchers.ts'
import { createWatchers } from './shared/watchers.ts'

export type { Eviction } from './memory/book.ts'

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /**
   * The store never holds more sessions and marks than this. @defaultValue `100_000`
   */
  readonly maxEntries?: number
  /**
   * Who gives place when the store is full, after marks and what has expired. `least-recently-used`: sessions without
   * a subject first, then sessions of users, in each group one that was not read or written for long.
   * `oldest-created`: the session that was created first, whoever it belongs to. @defaultValue `'least-recently-used'`
   */
  readonly evict?: Eviction
  /**
   * A memory store forgets all sessions at a restart and shares none with other processes; in production that must be
   * asked for. @defaultValue `false`
   */
  readonly allowInProduction?: boolean
  /** @defaultValue `Date.now` */
  readonly now?: Clock
}

/** What {@link memoryStore} gives. */
export type MemoryStore = Store &
  SubjectStore &
  ClearableStore &
  SweepableStore &
  ScannableStore &
  WatchableStore &
  DurableStore

/**
 * Keeps sessions in this process, for development, tests and programs of one process. Bounded, without timers, and it
 * runs on every platform. Records are copied on the way in and out; each method does its work in one step of the
 * event loop, which makes it atomic; `get` waits for the end of the turn before.
 * @throws TypeError for wrong options, and in production unless that was asked for.
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  checkOptions(options)
  const { maxEntries = 100_000, evict = 'least-recently-used', allowInProduction = false, now = Date.now } = options
  if (isProduction() && !allowInProduction) throw new TypeError(NOT_IN_PRODUCTION)
  const watchers = createWatchers()
  const sessions = book({ maxEntries, eviction: evict, tell: (notice) => tell(watchers, notice) }, now)
  return {
    name: 'memory',
    ...recordMethods(sessions),
    rotate: async (key, version, newKey, record, rest) => rotate(sessions, key, version, newKey, record, rest),
    delete: async (key, tombstone) => end(sessions, sessions.find(key), tombstone),
    listBySubject: async (subject) => sessions.ofSubject(subject).map(recordOf),
    countBySubject: async (subject) => sessions.ofSubject(subject).length,
    deleteByHandle: async (subject, handle) =>
      end(
        sessions,
        sessions.ofSubject(subject).find((entry) => entry.handle === handle),
      ),
    deleteBySubject: async (subject, except) =>
      endAll(
        sessions,
        sessions.ofSubject(subject).filter(({ handle }) => handle !== except),
      ).length,
    clear: async () => sessions.clear(),
    sweep: async (limit) => sessions.sweep(limit),
    scan: ({ pageSize = 500 } = {}) => scan(sessions, pageSize, now),
    watch: (listener) => watchers.watch(listener),
    durability: DURABILITY,
  }
}

const NAMES = optionNames<MemoryStoreOptions>({ maxEntries: true, evict: true, allowInProduction: true, now: true })
const EVICTIONS: readonly Eviction[] = ['least-recently-used', 'oldest-created']

function checkOptions(options: MemoryStoreOptions): void {
  checkNames('memoryStore', options, NAMES)
  const { maxEntries, evict, allowInProduction, now } = options
  if (maxEntries !== undefined) checkedCount('memoryStore: maxEntries', maxEntries)
  if (evict !== undefined) checkChoice('memoryStore: evict', evict, EVICTIONS)
  checkFlag('memoryStore: allowInProduction', allowInProduction)
  checkClock('memoryStore: now', now)
}

const ALL = { processCrash: Infinity, machineCrash: Infinity, failover: Infinity }
const DURABILITY: Durability = {
  decisive: ALL,
  saves: ALL,
  touches: ALL,
  words: 'memory: all sessions are lost with the process',
}

// Not before the whole step is done, with the mark that leads on to a rotated session.
function tell(watchers: Watchers, notice: StoreNotice): void {
  if (watchers.size > 0) queueMicrotask(() => watchers.tell(notice))
}

const NOT_IN_PRODUCTION =
  'memoryStore: it forgets all sessions at a restart; ' +
  'in production use a lasting one such as sqliteStore, or pass allowInProduction: true'

function recordMethods(sessions: Book): Pick<Store, 'get' | 'insert' | 'update' | 'touch'> {
  return {
    // Together with what else is read in this turn: a page that reads its session costs a third less (decision 0017).
    async get(key) {
      await endOfTurn()
      const entry = sessions.find(key)
      if (entry === undefined) return undefined
      if (!isLive(entry)) return markOf(entry)
      sessions.use(entry)
      return recordOf(entry)
    },
    async insert(key, record, cap) {
      if (sessions.find(key) !== undefined) return { outcome: 'exists' }
      const surplus = surplusOf(sessions, record, cap)
      if (surplus === undefined) return { outcome: 'limit' }
      const evicted = endAll(sessions, surplus)
      sessions.add(liveEntry(key, record))
      return { outcome: 'inserted', evicted }
    },
    async update(key, version, record) {
      const entry = sessions.find(key)
      if (!isLive(entry)) return gone(entry)
      if (entry.version !== version) return { outcome: 'conflict', current: recordOf(entry) }
      overwrite(entry, record)
      sessions.use(entry)
      return { outcome: 'updated' }
    },
    async touch(key, seenAt, expiresAt) {
      const entry = sessions.find(key)
      if (!isLive(entry)) return false
      touch(entry, seenAt, expiresAt)
      sessions.use(entry)
      return true
    },
  }
}

function rotate(
  sessions: Book,
  key: StoreKey,
  version: number,
  newKey: StoreKey,
  record: SessionRecord,
  { tombstone, cap }: { readonly tombstone?: Tombstone; readonly cap?: SubjectCap } = {},
): RotateResult {
  const old = sessions.find(key)
  if (!isLive(old)) return gone(old)
  if (old.version !== version) return { outcome: 'conflict', current: recordOf(old) }
  if (sessions.find(newKey) !== undefined) return { outcome: 'exists' }
  const surplus = surplusOf(sessions, record, cap, old)
  if (surplus === undefined) return { outcome: 'limit' }
  const evicted = endAll(sessions, surplus)
  const entry = liveEntry(newKey, record)
  sessions.replace(old, entry)
  sessions.use(entry)
  if (tombstone !== undefined) sessions.addMark(markEntry(key, tombstone), entry)
  return { outcome: 'rotated', evicted }
}

function gone(entry: Entry | undefined): UpdateResult & { readonly outcome: 'gone' } {
  return entry === undefined || isLive(entry) ? { outcome: 'gone' } : { outcome: 'gone', tombstone: markOf(entry) }
}

/** The sessions that the cap ends when the record comes; undefined when it refuses the record. */
function surplusOf(
  sessions: Book,
  record: SessionRecord,
  cap: SubjectCap | undefined,
  replaced?: LiveEntry,
): readonly LiveEntry[] | undefined {
  if (cap === undefined || record.subject === undefined) return []
  // Nearly always, and nobody's sessions are looked through.
  if (sessions.countAtMost(record.subject) < cap.max) return []
  const others = sessions.ofSubject(record.subject).filter((entry) => entry !== replaced)
  const surplus = Math.max(0, others.length + 1 - cap.max)
  if (surplus > 0 && cap.onLimit === 'reject') return undefined
  return others.slice(0, surplus)
}

function end(sessions: Book, entry: Entry | undefined, tombstone?: Tombstone): boolean {
  if (!isLive(entry)) return false
  sessions.end(entry)
  if (tombstone !== undefined) sessions.add(markEntry(entry.key, tombstone))
  return true
}

/** The handles of the ended sessions. */
function endAll(sessions: Book, entries: readonly LiveEntry[]): readonly string[] {
  for (const entry of entries) sessions.end(entry)
  return entries.map(({ handle }) => handle)
}

/** How many entries a scan passes over before it lets others run. */
const LOOKS_PER_TURN = 1_000

async function* scan(
  sessions: Book,
  pageSize: number,
  now: Clock,
): AsyncGenerator<readonly (readonly [StoreKey, SessionRecord])[]> {
  let page: (readonly [StoreKey, SessionRecord])[] = []
  let looks = 0
  for (const entry of sessions.entries()) {
    if (isLive(entry) && expiresAtOf(entry) > now()) page.push([entry.key, recordOf(entry)])
    const isFull = page.length >= pageSize
    if (isFull) {
      yield page
      page = []
    }
    if (isFull || ++looks % LOOKS_PER_TURN === 0) await new Promise<void>((resolve) => nextTurn(resolve))
  }
  if (page.length > 0) yield page
}
