import type { StoreKey } from '../../core/key.ts'
import type { SessionRecord, Tombstone } from '../../core/store.ts'
import type { Queued } from './queue.ts'

/**
 * A live record as the memory store keeps it: one flat object of primitive values, private to the store.
 * Flat, because an object around a record costs 50 bytes more; its texts are shared with the caller's record, which is
 * safe because nobody can change a text.
 */
export interface LiveEntry extends Queued<Entry> {
  readonly key: StoreKey
  readonly subject: string | undefined
  version: number
  handle: string
  createdAt: number
  seenAt: number
  expiresAt: number
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
  const links = { older: undefined, newer: undefined }
  return { key, subject, version, handle, createdAt, seenAt, expiresAt, meta, data, wasUsed: false, ...links }
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
  entry.seenAt = record.seenAt
  entry.expiresAt = record.expiresAt
  entry.meta = record.meta
  entry.data = record.data
}

/** A copy that the caller may change. */
export function recordOf(entry: LiveEntry): SessionRecord {
  const { subject, version, handle, createdAt, seenAt, expiresAt, meta, data } = entry
  if (subject === undefined) return { state: 'live', version, handle, createdAt, seenAt, expiresAt, meta, data }
  return { state: 'live', version, handle, subject, createdAt, seenAt, expiresAt, meta, data }
}

/** A copy that the caller may change. */
export function markOf({ to, expiresAt }: MarkEntry): Tombstone {
  return to === undefined ? { state: 'dead', expiresAt } : { state: 'moved', to, expiresAt }
}
