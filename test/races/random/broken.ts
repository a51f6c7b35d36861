import type { SessionRecord } from '../../../src/core/store.ts'
import type { FullStore } from '../../support/stores.ts'
import type { Sabotage } from './world.ts'

/** An engine or a store that is wrong on purpose, between whose commands others may come. */
export interface Broken extends Sabotage {
  readonly name: string
  /** What the checker has to say about it. */
  readonly says: RegExp
}

const broken = (name: string, says: RegExp, fault: (store: FullStore) => Partial<FullStore>): Broken => ({
  name,
  says,
  store: (store) => overlay(store, fault(store)),
})

/** Mistakes that session libraries have made. */
export const brokenOnes: readonly Broken[] = [
  broken('whoever saves last overwrites the whole record', /stored .* on top of/, (store) => ({
    update: async (key, version, record) => {
      const result = await store.update(key, version, record)
      if (result.outcome !== 'conflict') return result
      return store.update(key, result.current.version, { ...record, version: result.current.version + 1 })
    },
  })),
  broken('a save of an ended session inserts it again', /lives again|used a second time/, (store) => ({
    update: async (key, version, record) => {
      const result = await store.update(key, version, record)
      if (result.outcome !== 'gone') return result
      await store.insert(key, record)
      return { outcome: 'updated' }
    },
  })),
  broken(
    'a save that came too late is acknowledged and dropped',
    /acknowledged .*, which was never stored/,
    (store) => ({
      update: async (key, version, record) => {
        const result = await store.update(key, version, record)
        return result.outcome === 'conflict' ? { outcome: 'updated' } : result
      },
    }),
  ),
  broken(
    'a save of a session that others have ended is acknowledged and dropped (F2)',
    /acknowledged .*, which was never stored/,
    (store) => ({
      update: async (key, version, record) => {
        const result = await store.update(key, version, record)
        return result.outcome === 'gone' ? { outcome: 'updated' } : result
      },
    }),
  ),
  broken('a touch of an ended session inserts it again', /lives again|used a second time/, (store) => {
    const seen = new Map<string, SessionRecord>()
    return {
      get: async (key) => {
        const entry = await store.get(key)
        if (entry?.state === 'live') seen.set(key, entry)
        return entry
      },
      touch: async (key, seenAt, expiresAt) => {
        const record = seen.get(key)
        if ((await store.touch(key, seenAt, expiresAt)) || record === undefined) return true
        await store.insert(key, { ...record, seenAt, expiresAt })
        return true
      },
    }
  }),
  broken(
    'a rotation inserts the new record and then deletes the old one',
    /two live records of one session/,
    (store) => ({
      rotate: async (key, _version, newKey, record, options) => {
        const result = await store.insert(newKey, record, options?.cap)
        if (result.outcome !== 'inserted') return result
        await store.delete(key, options?.tombstone)
        return { outcome: 'rotated', evicted: result.evicted }
      },
    }),
  ),
  broken('a rotation deletes the old record and then inserts the new one', /on top of|lives again/, (store) => ({
    rotate: async (key, _version, newKey, record, options) => {
      await store.delete(key, options?.tombstone)
      const result = await store.insert(newKey, record, options?.cap)
      return result.outcome === 'inserted' ? { outcome: 'rotated', evicted: result.evicted } : result
    },
  })),
  broken(
    'a login whose old session is gone passes all the same',
    /a login went on|lives after its|lives again/,
    (store) => ({
      rotate: async (key, version, newKey, record, options) => {
        const result = await store.rotate(key, version, newKey, record, options)
        if (result.outcome !== 'gone') return result
        const late = await store.insert(newKey, record, options?.cap)
        return late.outcome === 'inserted' ? { outcome: 'rotated', evicted: late.evicted } : late
      },
    }),
  ),
  broken('a login writes the user under the old token first', /an update changed the user/, (store) => ({
    rotate: async (key, version, newKey, record, options) => {
      const old = await store.get(key)
      if (record.subject === undefined || old?.state !== 'live' || old.subject !== undefined) {
        return store.rotate(key, version, newKey, record, options)
      }
      const result = await store.update(key, version, { ...record, handle: old.handle })
      if (result.outcome !== 'updated') return result
      return store.rotate(key, version + 1, newKey, { ...record, version: version + 2 }, options)
    },
  })),
  broken('a rotation leaves the old token as it is', /two live records of one session|replaced opens/, (store) => ({
    rotate: async (_key, _version, newKey, record, options) => {
      const result = await store.insert(newKey, record, options?.cap)
      return result.outcome === 'inserted' ? { outcome: 'rotated', evicted: result.evicted } : result
    },
  })),
  broken(
    'a rotation soon after another one leaves no mark (F1)',
    /a late request with a replaced token got a session of its own/,
    (store) => ({
      rotate: async (key, version, newKey, record, options) => {
        const { tombstone: _, ...rest } = options ?? {}
        return store.rotate(key, version, newKey, record, record.version > 3 ? rest : options)
      },
    }),
  ),
  broken('a logout is acknowledged and not done', /a session lives after its|replaced opens/, (store) => ({
    delete: async (key) => (await store.get(key))?.state === 'live',
  })),
  broken('what was read once is remembered', /replaced opens/, (store) => {
    const seen = new Map<string, Awaited<ReturnType<FullStore['get']>>>()
    return {
      get: async (key) => {
        const entry = seen.get(key) ?? (await store.get(key))
        seen.set(key, entry)
        return entry
      },
    }
  }),
  {
    name: 'every response renews the cookie that the request brought',
    says: /hands out a token that was replaced or ended/,
    cookies: (cookies, token) => (cookies.length > 0 || token === undefined ? cookies : [`__Host-id=${token}; Path=/`]),
  },
  {
    name: 'every response without a new token clears the cookie',
    says: /takes the token away though the request ended nothing/,
    cookies: (cookies) => (cookies.length > 0 ? cookies : ['__Host-id=; Path=/; Max-Age=0']),
  },
]

function overlay(store: FullStore, changes: Partial<FullStore>): FullStore {
  return new Proxy(store, {
    get: (target, property): unknown =>
      Object.hasOwn(changes, property) ? Reflect.get(changes, property) : Reflect.get(target, property),
  })
}
