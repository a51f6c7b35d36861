import type { StoreKey } from '../../core/key.ts'
import type {
  ClearableStore,
  ClosableStore,
  SessionRecord,
  Store,
  SubjectStore,
  WatchableStore,
} from '../../core/store.ts'
import { hasSubjects, isClearable, isClosable } from '../../core/store.ts'
import type { RecordCache } from './cache.ts'
import type { Vigil } from './vigil.ts'

type Calls = Omit<Store, 'name'> & WatchableStore
type More = Partial<SubjectStore & ClearableStore & ClosableStore>

/** The calls that read from the cache, or change what is in it. */
export function layeredCalls(store: Store & WatchableStore, cache: RecordCache, watch: Vigil): Calls & More {
  const own = changesIn(cache)
  return {
    async get(key) {
      if (!watch.isHeld()) return await store.get(key)
      const found = cache.find(key)
      if (found !== undefined) return found
      const flight = cache.depart(key)
      let record: SessionRecord | undefined
      try {
        const entry = await store.get(key)
        record = entry?.state === 'live' ? entry : undefined
        return entry
      } finally {
        cache.land(flight, record)
      }
    },
    insert: async (key, record, cap) => own.settled(await own.dropping([key], store.insert(key, record, cap))),
    update: (key, version, record) => own.dropping([key], store.update(key, version, record)),
    async touch(key, seenAt, expiresAt) {
      const isLive = await store.touch(key, seenAt, expiresAt)
      if (isLive) cache.touch(key, seenAt, expiresAt)
      else cache.drop(key)
      return isLive
    },
    rotate: async (key, version, newKey, record, rest) =>
      own.settled(await own.dropping([key, newKey], store.rotate(key, version, newKey, record, rest))),
    delete: (key, tombstone) => own.dropping([key], store.delete(key, tombstone)),
    watch: (listener) => store.watch(watch.hearing(listener)),
    ...moreOf(store, cache, watch),
  }
}

function moreOf(store: Store, cache: RecordCache, watch: Vigil): More {
  const own = changesIn(cache)
  return {
    ...(hasSubjects(store) && {
      deleteByHandle: (subject, handle) =>
        own.afterwards(store.deleteByHandle(subject, handle), (record) => record.handle === handle),
      deleteBySubject: (subject, except) =>
        own.afterwards(store.deleteBySubject(subject, except), (record) => record.subject === subject),
    }),
    ...(isClearable(store) && { clear: () => own.afterwards(store.clear(), () => true) }),
    ...(isClosable(store) && {
      close: async () => {
        await watch.end()
        await store.close()
      },
    }),
  }
}

/** Also when a call fails: it may have been done all the same. */
function changesIn(cache: RecordCache) {
  return {
    async dropping<Answer>(keys: readonly StoreKey[], call: Promise<Answer>): Promise<Answer> {
      try {
        return await call
      } finally {
        for (const key of keys) cache.drop(key)
      }
    },
    async afterwards<Answer>(call: Promise<Answer>, fits: (record: SessionRecord) => boolean): Promise<Answer> {
      try {
        return await call
      } finally {
        cache.dropWhere(fits)
      }
    },
    /** Sessions that a cap ended are named by their handles. */
    settled<Answer extends { readonly evicted?: readonly string[] } | object>(answer: Answer): Answer {
      const evicted = 'evicted' in answer && Array.isArray(answer.evicted) ? answer.evicted : []
      if (evicted.length > 0) cache.dropWhere(({ handle }) => evicted.includes(handle))
      return answer
    },
  }
}
