import { sha256 } from '#platform'
import type { StoreKey } from '../../core/key.ts'
import { isStoreKey, partitionOfSubject } from '../../core/key.ts'
import type {
  ClearableStore,
  ClosableStore,
  ScannableStore,
  SessionRecord,
  Store,
  SubjectStore,
  SweepableStore,
  Tombstone,
  WatchableStore,
} from '../../core/store.ts'
import { hasSubjects, isClearable, isClosable, isScannable, isSweepable, isWatchable } from '../../core/store.ts'
import { check } from './assert.ts'

/** A well-formed store key, the same for the same label. Keys of one subject share their partition, as in real life. */
export function testKey(label: string, subject?: string): StoreKey {
  const partition = partitionOfSubject(subject ?? label)
  return asKey(`s1.${partition}.${sha256(`key:${label}`)}`)
}

/** A key of the partition that sessions without a subject share here: a rotation that is no login keeps the partition. */
export function siblingKey(label: string): StoreKey {
  return testKey(label, 'nobody')
}

/** Takes a text as a store key after checking its shape. */
export function asKey(text: string): StoreKey {
  check(isStoreKey(text), `"${text}" does not have the shape of a store key`)
  return text
}

/** A live record at version 1 that lives for an hour; the label is its handle and its data. */
export function testRecord(now: number, label: string, changes?: Partial<SessionRecord>): SessionRecord {
  return {
    state: 'live',
    version: 1,
    handle: `handle-${label}`,
    createdAt: now,
    seenAt: now,
    expiresAt: now + HOUR,
    meta: '{"v":1}',
    data: JSON.stringify({ label }),
    ...changes,
  }
}

/** The record's next version. */
export function nextOf(record: SessionRecord, changes?: Partial<SessionRecord>): SessionRecord {
  return { ...record, version: record.version + 1, ...changes }
}

export const MINUTE = 60_000
export const HOUR: number = 60 * MINUTE
export const DAY: number = 24 * HOUR

/** A mark that says that nothing is to be had under the old key. */
export function deadUntil(expiresAt: number): Tombstone {
  return { state: 'dead', expiresAt }
}

/** The live record under the key, or an error. */
export async function liveAt(store: Store, key: StoreKey, what: string): Promise<SessionRecord> {
  const found = await store.get(key)
  check(found?.state === 'live', `${what}: expected a live record, got ${found?.state ?? 'nothing'}`)
  return found
}

/** How many of the keys hold a live record. */
export async function countLive(store: Store, keys: readonly StoreKey[]): Promise<number> {
  const found = await Promise.all(keys.map((key) => store.get(key)))
  return found.filter((entry) => entry?.state === 'live').length
}

/** Inserts, and fails unless the store answers `inserted`. */
export async function put(store: Store, key: StoreKey, record: SessionRecord): Promise<SessionRecord> {
  const { outcome } = await store.insert(key, record)
  check(outcome === 'inserted', `insert of a new key: expected inserted, got ${outcome}`)
  return record
}

export function withSubjects(store: Store): Store & SubjectStore {
  check(hasSubjects(store), `${store.name}: the case needs the capability subjects`)
  return store
}

export function withClear(store: Store): Store & ClearableStore {
  check(isClearable(store), `${store.name}: the case needs the capability clear`)
  return store
}

export function withSweep(store: Store): Store & SweepableStore {
  check(isSweepable(store), `${store.name}: the case needs the capability sweep`)
  return store
}

export function withScan(store: Store): Store & ScannableStore {
  check(isScannable(store), `${store.name}: the case needs the capability scan`)
  return store
}

export function withWatch(store: Store): Store & WatchableStore {
  check(isWatchable(store), `${store.name}: the case needs the capability watch`)
  return store
}

export function withClose(store: Store): Store & ClosableStore {
  check(isClosable(store), `${store.name}: the case needs the capability close`)
  return store
}

/** The whole numbers from 0 on, as a list. */
export function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index)
}
