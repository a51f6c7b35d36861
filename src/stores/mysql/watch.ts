import { later } from '#platform'
import type { StoreKey } from '../../core/key.ts'
import type { StoreNotice } from '../../core/store.ts'
import type { Ask } from './client.ts'
import { createPlace, type Place } from './place.ts'
import type { Names } from './tables.ts'
import { KEPT_SECONDS } from './tables.ts'
import { keyIn, numberIn, textIn } from './values.ts'

type Listener = (notice: StoreNotice) => void

/** Looks for endings again and again, while somebody wants to know. */
export interface Watch {
  /** See `WatchableStore.watch`. */
  add(listener: Listener): Promise<() => Promise<void>>
  /** Stops for good. */
  close(): void
}

// Between an ending's statement and its commit there is at most a slow disk.
const PATIENCE = 60_000
// How far back a new watcher looks for endings that are not committed yet.
const BACK = 1000
const PAGE = 1000
const LONGEST_PAUSE = 30_000

/** @param interval milliseconds between two looks. */
export function createWatch(ask: Ask, names: Names, interval: number): Watch {
  const listeners = new Set<{ readonly tell: Listener }>()
  let running: Running | undefined
  const tell: Listener = (notice) => {
    for (const listener of listeners) {
      try {
        listener.tell(notice)
      } catch {
        // A listener's fault is its own: the others are to be told.
      }
    }
  }
  return {
    async add(listener) {
      const own = { tell: listener }
      running ??= createRunning(ask, names, interval, tell)
      const joined = running
      try {
        await joined.ready
      } catch (error) {
        if (running === joined) running = undefined
        throw error
      }
      listeners.add(own)
      return async () => {
        listeners.delete(own)
        if (listeners.size > 0 || running !== joined) return
        joined.stop()
        running = undefined
      }
    },
    close() {
      listeners.clear()
      running?.stop()
    },
  }
}

interface Running {
  /** Rejects when the first look fails; then nothing runs. */
  readonly ready: Promise<void>
  readonly stop: () => void
}

function createRunning(ask: Ask, names: Names, interval: number, tell: Listener): Running {
  let place: Place | undefined
  let lookedAt = performance.now()
  let failures = 0
  let isStopped = false
  let cancel = (): void => undefined

  const look = async (): Promise<void> => {
    try {
      // After a failure another server may answer, whose numbers begin elsewhere; and a process that slept for long finds
      // that endings have been removed.
      if (failures > 0 || performance.now() - lookedAt > KEPT_SECONDS * 500) place = undefined
      if (place === undefined) {
        place = await placeNow(ask, names)
        tell({ kind: 'interrupted' })
      }
      for (const notice of await newNotices(ask, names, place)) tell(notice)
      lookedAt = performance.now()
      failures = 0
    } catch {
      failures++
      tell({ kind: 'interrupted' })
    }
    lookLater()
  }
  const lookLater = (): void => {
    const pause = Math.min(interval * 2 ** Math.min(failures, 16), Math.max(interval, LONGEST_PAUSE))
    if (!isStopped) cancel = later(pause, () => void look())
  }
  const ready = placeNow(ask, names).then((found) => {
    place = found
    lookLater()
  })
  return {
    ready,
    stop() {
      isStopped = true
      cancel()
    },
  }
}

/** What is committed now has been read; what is not yet will be found. */
async function placeNow(ask: Ask, names: Names): Promise<Place> {
  const [row] = await ask(`SELECT COALESCE(MAX(id), 0) FROM ${names.endings}`)
  const place = createPlace(Math.max(0, numberIn(row?.[0]) - BACK), PATIENCE)
  await newNotices(ask, names, place)
  return place
}

async function newNotices(ask: Ask, names: Names, place: Place): Promise<readonly StoreNotice[]> {
  const keys = new Map<number, StoreKey | undefined>()
  for (let after = place.after, size = PAGE; size === PAGE;) {
    const rows = await ask(`SELECT id, store_key FROM ${names.endings} WHERE id > ${after} ORDER BY id LIMIT ${PAGE}`)
    for (const row of rows) keys.set(numberIn(row[0]), textIn(row[1]) === '' ? undefined : keyIn(row[1]))
    after = numberIn(rows.at(-1)?.[0] ?? after)
    size = rows.length
  }
  return place.fresh([...keys.keys()], performance.now()).map((id) => noticeOf(keys.get(id)))
}

function noticeOf(key: StoreKey | undefined): StoreNotice {
  return key === undefined ? { kind: 'cleared' } : { kind: 'ended', key }
}
