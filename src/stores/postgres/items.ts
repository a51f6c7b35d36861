import type { StoreKey } from '../../core/key.ts'
import type { InsertResult, SessionRecord, Tombstone, UpdateResult } from '../../core/store.ts'
import { stored } from '../shared/texts.ts'

/** What travels together. `single`: what is a statement of its own. */
export type Kind = 'get' | 'update' | 'touch' | 'insert' | 'delete' | 'single'

/** Who waits for the answer to an item. */
export interface Waiting<Result> {
  readonly resolve: (result: Result) => void
  readonly fail: (error: unknown) => void
}

interface Common<K extends Kind> {
  readonly kind: K
  readonly keys: readonly string[]
  readonly isRead: boolean
  readonly fail: (error: unknown) => void
}

export interface GetItem extends Common<'get'> {
  readonly key: StoreKey
  readonly resolve: (entry: SessionRecord | Tombstone | undefined) => void
}

export interface UpdateItem extends Common<'update'> {
  readonly key: StoreKey
  readonly version: number
  readonly next: StoredRecord
  readonly resolve: (result: UpdateResult) => void
  /** Later updates from the same version, which lose to this one whatever becomes of it. */
  readonly followers: Waiting<UpdateResult>[]
  /** To be called before the item is sent: from now on nobody may join it. */
  readonly onSend: (item: UpdateItem) => void
}

export interface TouchItem extends Common<'touch'> {
  readonly key: StoreKey
  seenAt: number
  expiresAt: number
  readonly waiting: Waiting<boolean>[]
  /** As for updates. */
  readonly onSend: () => void
}

export interface InsertItem extends Common<'insert'> {
  readonly key: StoreKey
  readonly record: StoredRecord
  readonly resolve: (result: InsertResult) => void
}

export interface DeleteItem extends Common<'delete'> {
  readonly key: StoreKey
  readonly mark: Tombstone | undefined
  readonly resolve: (wasThere: boolean) => void
}

export interface SingleItem extends Common<'single'> {
  /** Sends the statement and settles the caller; rejects when the statement failed. */
  readonly send: () => Promise<void>
}

export type Item = GetItem | UpdateItem | TouchItem | InsertItem | DeleteItem | SingleItem

/** A record as it goes into the table; a copy, for the caller may change the one that was handed in. */
export interface StoredRecord {
  readonly version: number
  readonly createdAt: number
  readonly seenAt: number
  readonly expiresAt: number
  readonly handle: string
  readonly subject: string | null
  readonly meta: string
  readonly data: string
}

export function storedRecord(record: SessionRecord): StoredRecord {
  const { version, createdAt, seenAt, expiresAt, subject } = record
  return {
    version,
    createdAt,
    seenAt,
    expiresAt,
    handle: stored(record.handle),
    subject: subject === undefined ? null : stored(subject),
    meta: stored(record.meta),
    data: stored(record.data),
  }
}
