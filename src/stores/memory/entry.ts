import type { StoreKey } from '../../core/key.ts'
import type { SessionRecord, Tombstone } from '../../core/store.ts'
import type { Queued } from './queue.ts'

/**
 * A live record as the memory store keeps it: one flat object of primitive values, private to the store.
 * Flat, because an object around a record costs 50 bytes more; its texts are shared with the caller's record, which is
 * safe because nobody can change a text. Two of the times are kept as differences, which V8 takes for small
 * integers: as epoch milliseconds each would cost 16 bytes beside the object.
 */
export interface LiveEntry extends Queued<Entry> {
  readonly key: StoreKey
  readonly subject: string | undefined
  version: number
  handle: string
  createdAt: number
  /** Milliseconds from the creation on. */
  seenAfter: number
  expiresAfter: number
  meta: string
  /** Whether it was used since it took its present place in the queue. */
  wasUsed: boolean
  /** Tells a live entry from a mark without a field for it. */
  data: string
}

/** A tombstone as the memory store keeps it. */
export interface MarkEntry extends Queued<Entry> {
  readonly key: StoreKey
  readonly expiresAt: number
  readonly to: StoreKey | undefined
  readonly data: undefined
}

export type Entry = LiveEntry | MarkEntry

export function isLive(entry: Entry | undefined): entry is LiveEntry {
  return entry?.data !== undefined
}

export function liveEntry(key: StoreKey, record: SessionRecord): LiveEntry {
  const { subject, version, handle, createdAt, seenAt, expiresAt, meta, data } = record
  // Name by name: an object that is spread into is kept in two parts.
  return {
    key,
    subject,
    version,
    handle,
    createdAt,
    seenAfter: small(seenAt - createdAt),
    expiresAfter: small(expiresAt - createdAt),
    meta,
    data,
    wasUsed: false,
    older: undefined,
    newer: undefined,
  }
}

// A difference of two large numbers is kept like them, until it has been made an integer on purpose.
function small(value: number): number {
  const integer = value | 0
  return integer === value ? integer : value
}

export function expiresAtOf(entry: Entry): number {
  return isLive(entry) ? entry.createdAt + entry.expiresAfter : entry.expiresAt
}

/** Moves the times on, never back. */
export function touch(entry: LiveEntry, seenAt: number, expiresAt: number): void {
  setTimes(entry, Math.max(entry.createdAt + entry.seenAfter, seenAt), Math.max(expiresAtOf(entry), expiresAt))
}

function setTimes(entry: LiveEntry, seenAt: number, expiresAt: number): void {
  entry.seenAfter = small(seenAt - entry.createdAt)
  entry.expiresAfter = small(expiresAt - entry.createdAt)
}

export function markEntry(key: StoreKey, mark: Tombstone): MarkEntry {
  const to = mark.state === 'moved' ? mark.to : undefined
  return { key, expiresAt: mark.expiresAt, to, data: undefined, older: undefined, newer: undefined }
}

/** Takes over all but the key and the subject, which a live record never changes. */
export function overwrite(entry: LiveEntry, record: SessionRecord): void {
  entry.version = record.version
  entry.handle = record.handle
  entry.createdAt = record.createdAt
  setTimes(entry, record.seenAt, record.expiresAt)
  entry.meta = record.meta
  entry.data = record.data
}

/** A copy that the caller may change. */
export function recordOf(entry: LiveEntry): SessionRecord {
  const { subject, version, handle, createdAt, meta, data } = entry
  const seenAt = createdAt + entry.seenAfter
  const expiresAt = createdAt + entry.expiresAfter
  if (subject === undefined) return { state: 'live', version, handle, createdAt, seenAt, expiresAt, meta, data }
  return { state: 'live', version, handle, subject, createdAt, seenAt, expiresAt, meta, data }
}

/** A copy that the caller may change. */
export function markOf({ to, expiresAt }: MarkEntry): Tombstone {
  return to === undefined ? { state: 'dead', expiresAt } : { state: 'moved', to, expiresAt }
}
