import type { Clock } from '../../../core/clock.ts'
import type { StoreKey } from '../../../core/key.ts'
import type { InsertResult, RotateResult, SessionRecord, Store, Tombstone, UpdateResult } from '../../../core/store.ts'

/** What lies under a key. */
export type Entry = SessionRecord | Tombstone

/** What comes of looking at entries: an answer, and what lies under the keys from now on. */
export interface Decision<R> {
  readonly result: R
  readonly writes?: readonly (readonly [key: StoreKey, entry: Entry | undefined])[]
}

/** Reads the entries of the keys, decides, and writes, with nobody else at any of these keys meanwhile. */
export type Atomically = <R>(
  keys: readonly StoreKey[],
  decide: (entries: readonly (Entry | undefined)[]) => Decision<R>,
) => Promise<R>

/** The store contract for whatever keeps values under keys and can do {@link Atomically}. */
export function keyedStore(name: string, atomically: Atomically, now: Clock): Store {
  const parts: Parts = {
    atomically,
    alive: (entry) => (entry !== undefined && entry.expiresAt > now() ? entry : undefined),
  }
  return { name, ...looksIn(parts), ...changesIn(parts) }
}

interface Parts {
  readonly atomically: Atomically
  readonly alive: (entry: Entry | undefined) => Entry | undefined
}

function looksIn({ atomically, alive }: Parts): Pick<Store, 'get' | 'insert' | 'touch' | 'delete'> {
  return {
    get: (key) =>
      atomically([key], ([entry]) => {
        const result = alive(entry)
        // What has expired is met here at the latest; a sweep finds the rest.
        return result === undefined && entry !== undefined ? { result, writes: [[key, undefined]] } : { result }
      }),
    insert(key, record) {
      const own = { ...record }
      return atomically<InsertResult>([key], ([entry]) =>
        alive(entry) === undefined
          ? { result: { outcome: 'inserted', evicted: [] }, writes: [[key, own]] }
          : { result: { outcome: 'exists' } },
      )
    },
    touch: (key, seenAt, expiresAt) =>
      atomically([key], ([entry]) => {
        const current = alive(entry)
        if (current?.state !== 'live') return { result: false }
        return { result: true, writes: [[key, later(current, seenAt, expiresAt)]] }
      }),
    delete: (key, tombstone) =>
      atomically([key], ([entry]) =>
        alive(entry)?.state === 'live' ? { result: true, writes: [[key, tombstone]] } : { result: false },
      ),
  }
}

function changesIn({ atomically, alive }: Parts): Pick<Store, 'update' | 'rotate'> {
  return {
    update(key, version, record) {
      const own = { ...record }
      return atomically<UpdateResult>([key], ([entry]) => {
        const current = alive(entry)
        if (current?.state !== 'live' || current.version !== version) return { result: refusalOf(current) }
        return { result: { outcome: 'updated' }, writes: [[key, ownedAs(current, own)]] }
      })
    },
    rotate(key, version, newKey, record, { tombstone } = {}) {
      const own = { ...record }
      return atomically<RotateResult>([key, newKey], ([old, taken]) => {
        const current = alive(old)
        if (current?.state !== 'live' || current.version !== version) return { result: refusalOf(current) }
        if (alive(taken) !== undefined) return { result: { outcome: 'exists' } }
        // The new record first: who fails between the two leaves a visitor who can come back.
        const writes = [[newKey, own] as const, [key, tombstone] as const]
        return { result: { outcome: 'rotated', evicted: [] }, writes }
      })
    },
  }
}

type Refused =
  | { readonly outcome: 'conflict'; readonly current: SessionRecord }
  | { readonly outcome: 'gone'; readonly tombstone?: Tombstone }

function refusalOf(entry: Entry | undefined): Refused {
  if (entry === undefined) return { outcome: 'gone' }
  return entry.state === 'live' ? { outcome: 'conflict', current: entry } : { outcome: 'gone', tombstone: entry }
}

/** An update changes whose session it is in no case. */
function ownedAs({ subject }: SessionRecord, record: SessionRecord): SessionRecord {
  const { subject: _, ...rest } = record
  return subject === undefined ? rest : { ...rest, subject }
}

function later(record: SessionRecord, seenAt: number, expiresAt: number): SessionRecord {
  return {
    ...record,
    seenAt: Math.max(record.seenAt, seenAt),
    expiresAt: Math.max(record.expiresAt, expiresAt),
  }
}
