import type { StoreKey } from '../../../core/key.ts'
import type { SessionRecord, Store, Tombstone } from '../../../core/store.ts'
import type { MemoryStore } from '../../../stores/memory.ts'

/** A memory store that keeps the objects which the texts of its records mention. */
export interface KeepingStore {
  readonly store: MemoryStore
  /** For how many records objects are kept. */
  readonly size: number
}

type ObjectsIn = (text: string) => readonly object[]

/**
 * What is ended or replaced is let go at once. What the store drops by itself (its bound, what has expired, ends from
 * outside) is let go with the next sweep, or when there is more of it than the store may have entries.
 */
export function keepingStore(inner: MemoryStore, maxEntries: number, objectsIn: ObjectsIn): KeepingStore {
  const kept = keptObjects(objectsIn)
  const releaseAll = async (): Promise<void> => {
    const release = async (key: StoreKey): Promise<void> => {
      if ((await inner.get(key))?.state !== 'live') kept.drop(key)
    }
    await Promise.all([...kept.keys()].map(release))
  }
  let releasing: Promise<void> | undefined
  const releaseWhenDue = (): void => {
    // As many again as there may be entries: so a new session costs two or three looks, and not a walk.
    if (kept.size > 2 * maxEntries) releasing ??= releaseAll().finally(() => (releasing = undefined))
  }
  return {
    get size() {
      return kept.size
    },
    store: {
      ...inner,
      ...recordsOf(inner, kept, releaseWhenDue),
      async clear() {
        await inner.clear()
        await releaseAll()
      },
      async sweep(limit) {
        const swept = await inner.sweep(limit)
        if (swept.isDone) await releaseAll()
        return swept
      },
    },
  }
}

interface KeptObjects {
  readonly size: number
  keys(): Iterable<StoreKey>
  /** Keeps the record's objects for as long as the store has it. */
  keep(key: StoreKey, record: SessionRecord): void
  /** The same for as long as a request has the record: the store's may be replaced before the request looks at its own. */
  lend<T extends SessionRecord | Tombstone | undefined>(entry: T): T
  drop(key: StoreKey): void
}

function keptObjects(objectsIn: ObjectsIn): KeptObjects {
  const stored = new Map<StoreKey, readonly object[]>()
  const lent = new WeakMap<object, readonly object[]>()
  return {
    get size() {
      return stored.size
    },
    keys: () => stored.keys(),
    keep(key, record) {
      const objects = objectsIn(record.data)
      if (objects.length > 0) stored.set(key, objects)
      else stored.delete(key)
    },
    lend(entry) {
      if (entry?.state === 'live') lent.set(entry, objectsIn(entry.data))
      return entry
    },
    drop: (key) => void stored.delete(key),
  }
}

function recordsOf(inner: MemoryStore, kept: KeptObjects, releaseWhenDue: () => void): Omit<Store, 'name' | 'touch'> {
  return {
    get: async (key) => kept.lend(await inner.get(key)),
    async insert(key, record, cap) {
      const result = await inner.insert(key, record, cap)
      if (result.outcome === 'inserted') kept.keep(key, record)
      releaseWhenDue()
      return result
    },
    async update(key, version, record) {
      const result = await inner.update(key, version, record)
      if (result.outcome === 'updated') kept.keep(key, record)
      return result.outcome === 'conflict' ? { ...result, current: kept.lend(result.current) } : result
    },
    async rotate(key, version, newKey, record, rest) {
      const result = await inner.rotate(key, version, newKey, record, rest)
      if (result.outcome === 'rotated') {
        kept.keep(newKey, record)
        kept.drop(key)
      }
      return result.outcome === 'conflict' ? { ...result, current: kept.lend(result.current) } : result
    },
    delete(key, tombstone) {
      kept.drop(key)
      return inner.delete(key, tombstone)
    },
  }
}
