import type { Clock } from '../../core/clock.ts'
import type { StoreKey } from '../../core/key.ts'
import type { SessionRecord, StoreNotice } from '../../core/store.ts'

/** A call that is under way, and whose answer may be held if nothing has happened to its key meanwhile. */
export interface Flight {
  readonly key: StoreKey
  /** When the call began: what it is answered was true at that instant or later. */
  readonly at: number
}

/** Records that were read a short while ago. */
export interface RecordCache {
  /** A copy of the record, if it is young enough and has not expired. */
  find(key: StoreKey): SessionRecord | undefined
  /** To be called before the store is. */
  depart(key: StoreKey): Flight
  /** The flight's answer; undefined when there is nothing to hold. */
  land(flight: Flight, record: SessionRecord | undefined): void
  /** The record under the key was touched. */
  touch(key: StoreKey, seenAt: number, expiresAt: number): void
  /** Something has happened to the key: it is not held, and nothing that is under way for it will be. */
  drop(key: StoreKey): void
  /** The same for all keys whose records fit. */
  dropWhere(fits: (record: SessionRecord) => boolean): void
  hear(notice: StoreNotice): void
}

interface Held {
  readonly record: SessionRecord
  readonly at: number
}

/** What is held, and by key the flights that may land. */
interface Contents {
  readonly held: Map<StoreKey, Held>
  readonly flights: Map<StoreKey, Set<Flight>>
}

export function recordCache(maxEntries: number, maxAge: number, now: Clock): RecordCache {
  const contents: Contents = { held: new Map(), flights: new Map() }
  const { held, flights } = contents
  const drop = (key: StoreKey): void => {
    held.delete(key)
    flights.delete(key)
  }
  const dropWhere: RecordCache['dropWhere'] = (fits) => {
    for (const [key, { record }] of held) if (fits(record)) held.delete(key)
    // Whose records are under way is not known.
    flights.clear()
  }
  return {
    find(key) {
      const entry = held.get(key)
      if (entry !== undefined && isGood(entry, maxAge, now())) return { ...entry.record }
      held.delete(key)
      return undefined
    },
    depart(key) {
      const flight = { key, at: now() }
      flights.set(key, (flights.get(key) ?? new Set()).add(flight))
      return flight
    },
    land(flight, record) {
      if (!hasRightToLand(contents, flight) || record === undefined) return
      hold(contents, flight, record)
      if (held.size > maxEntries) for (const oldest of held.keys()) return void held.delete(oldest)
    },
    touch(key, seenAt, expiresAt) {
      const { record, at } = held.get(key) ?? {}
      if (record === undefined || at === undefined) return
      const times = { seenAt: Math.max(record.seenAt, seenAt), expiresAt: Math.max(record.expiresAt, expiresAt) }
      held.set(key, { record: { ...record, ...times }, at })
    },
    drop,
    dropWhere,
    hear: (notice) => (notice.kind === 'ended' ? drop(notice.key) : dropWhere(() => true)),
  }
}

// A clock that is put back must not make a record young again.
function isGood({ record, at }: Held, maxAge: number, now: number): boolean {
  return now - at < maxAge && now >= at && record.expiresAt > now
}

function hasRightToLand({ flights }: Contents, flight: Flight): boolean {
  const others = flights.get(flight.key)
  const isListed = others?.delete(flight) === true
  if (others?.size === 0 && isListed) flights.delete(flight.key)
  return isListed
}

function hold({ held }: Contents, { key, at }: Flight, record: SessionRecord): void {
  // Of two that were under way together, the one that began later knows more.
  if ((held.get(key)?.at ?? at) > at) return
  held.delete(key)
  held.set(key, { record: { ...record }, at })
}
