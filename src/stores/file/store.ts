import type { Clock } from '../../core/clock.ts'
import { isSessionError, SessionError } from '../../core/errors.ts'
import type {
  ClearableStore,
  ClosableStore,
  Durability,
  DurableStore,
  ScannableStore,
  Store,
  SubjectStore,
  SweepableStore,
  WatchableStore,
} from '../../core/store.ts'
import { codeOf } from './disk.ts'
import { hashOf } from './entry.ts'
import type { Place } from './records.ts'
import { current } from './records.ts'
import type { Claim } from './registry.ts'
import { deleteByHandle, deleteBySubject, listBySubject } from './subjects.ts'
import { readLive, scan, sweep } from './upkeep.ts'
import { insert, remove, rotate, touch, update } from './writes.ts'

/** What `fileStore` gives. */
export type FileStore = Store &
  SubjectStore &
  ClearableStore &
  SweepableStore &
  ScannableStore &
  WatchableStore &
  DurableStore &
  ClosableStore

/** The store contract over a directory. Records are copied before the first wait: the caller may change them then. */
export function storeOver(claim: Claim, now: Clock): FileStore {
  const place: Place = { directory: claim.directory, now }
  const { enter, clear, close } = door(claim)
  return {
    name: 'file',
    get: (key) =>
      enter(() => {
        const hash = hashOf(key)
        return place.directory.locks.run([hash], async () => (await current(place, hash))?.value)
      }),
    insert(key, record, cap) {
      const next = { key, value: { ...record } }
      return enter(() => insert(place, next, cap))
    },
    update(key, version, record) {
      const copy = { ...record }
      return enter(() => update(place, key, version, copy))
    },
    touch: (key, seenAt, expiresAt) => enter(() => touch(place, key, seenAt, expiresAt)),
    rotate(key, version, newKey, record, { tombstone, cap } = {}) {
      const next = { key: newKey, value: { ...record } }
      const mark = tombstone && { ...tombstone }
      return enter(() => rotate(place, { key, version, next, tombstone: mark, cap }))
    },
    delete(key, tombstone) {
      const mark = tombstone && { ...tombstone }
      return enter(() => remove(place, key, mark))
    },
    listBySubject: (subject) => enter(() => listBySubject(place, subject)),
    countBySubject: async (subject) => (await enter(() => listBySubject(place, subject))).length,
    deleteByHandle: (subject, handle) => enter(() => deleteByHandle(place, subject, handle)),
    deleteBySubject: (subject, except) => enter(() => deleteBySubject(place, subject, except)),
    clear,
    sweep: (limit) => enter(() => sweep(place, limit)),
    scan: ({ pageSize = 500 } = {}) => scanThrough(place, pageSize, enter),
    watch: (listener) => enter(() => place.directory.watchers.watch(listener)),
    durability: DURABILITY,
    close,
  }
}

const ON_DISK = { processCrash: 0, machineCrash: 0, failover: Infinity }
// With the defaults of Linux, which writes to the disk what is 30 seconds old, and looks every 5.
const BY_SYSTEM = { ...ON_DISK, machineCrash: 35_000 }
const DURABILITY: Durability = {
  decisive: ON_DISK,
  saves: BY_SYSTEM,
  touches: BY_SYSTEM,
  words:
    'file: new sessions, logins, rotations and endings are on the disk before they are answered; saves and touches are ' +
    'with the operating system, which writes them within 35 seconds on Linux; a lost disk takes everything with it',
}

type Enter = <Result>(fn: () => Promise<Result>) => Promise<Result>

interface Door {
  /** Lets a call in: not after `close`, not before a crash is repaired, not beside `clear`. */
  readonly enter: Enter
  readonly clear: () => Promise<void>
  readonly close: () => Promise<void>
}

function door({ directory, isHeld, release }: Claim): Door {
  let closing: Promise<void> | undefined
  const guarded = async <Result>(fn: () => Promise<Result>): Promise<Result> => {
    if (!isHeld()) throw new SessionError('store-unavailable', TAKEN_OVER)
    await directory.ready()
    return await fn()
  }
  const enter: Enter = async (fn) => {
    if (closing !== undefined) throw new SessionError('closed', 'file: the store has been closed')
    try {
      return await directory.gate.shared(() => guarded(fn))
    } catch (error) {
      throw coded(error)
    }
  }
  const clear = async (): Promise<void> => {
    if (closing !== undefined) throw new SessionError('closed', 'file: the store has been closed')
    try {
      await directory.gate.alone(() => guarded(() => directory.clear()))
      directory.watchers.tell({ kind: 'cleared' })
    } catch (error) {
      throw coded(error)
    }
    directory.emptyTrash()
  }
  const close = (): Promise<void> => {
    closing ??= directory.gate.alone(async () => undefined).then(release)
    return closing
  }
  return { enter, clear, close }
}

const TAKEN_OVER =
  'file: a process on another machine has taken the directory over while this one was suspended; ' +
  "use sqliteStore ('sojourn/stores/sqlite') or a database to share sessions"

function coded(error: unknown): SessionError {
  if (isSessionError(error)) return error
  const reason = codeOf(error) ?? 'unknown error'
  return new SessionError('store-unavailable', `file: the directory cannot be read or written (${reason})`, {
    cause: error,
  })
}

async function* scanThrough(place: Place, pageSize: number, enter: Enter): ReturnType<typeof scan> {
  await enter(async () => undefined)
  try {
    yield* scan(place, pageSize, (hash) => enter(() => readLive(place, hash)))
  } catch (error) {
    throw coded(error)
  }
}
