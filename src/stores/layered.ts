import type { Clock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import { LONGEST_TIMER, parseDuration } from '../core/duration.ts'
import { assertOption, checkClock, checkNames, checkedCount, optionNames } from '../core/options.ts'
import type { Store, WatchableStore } from '../core/store.ts'
import { isWatchable } from '../core/store.ts'
import { recordCache } from './layered/cache.ts'
import { layeredCalls } from './layered/calls.ts'
import { vigil } from './layered/vigil.ts'

/** Options of {@link layeredStore}. */
export interface LayeredStoreOptions<S extends Store & WatchableStore> {
  /** The shared store; it can be watched. */
  readonly store: S
  /** How many sessions are held at a time; the one that was read from the store first gives place. @defaultValue `10_000` */
  readonly maxEntries?: number
  /** How long a session that was read may be given out again; see {@link layeredStore}. @defaultValue `'1s'` */
  readonly maxAge?: Duration
  /** @defaultValue `Date.now` */
  readonly now?: Clock
}

const NAMES = optionNames<LayeredStoreOptions<Store & WatchableStore>>({
  store: true,
  maxEntries: true,
  maxAge: true,
  now: true,
})

/**
 * A small cache in this process in front of a store that several processes share: a session that is read often is read
 * from the store once in `maxAge`. It has the capabilities of the store behind it.
 *
 * **How stale.** What this process writes and ends it sees at once. Of other processes: a change of data or of times is
 * seen at the latest `maxAge` after it was made; an ending or a replaced token as soon as the store's notice of it comes,
 * and when that is lost, at the latest `maxAge` after the ending. While the store cannot be watched nothing is given out
 * of the cache and all reads go to the store: after `interrupted` the cache is empty until watching works again.
 *
 * **What is never lost.** Every write goes to the store, with its comparison of versions: a save that was built on what
 * has become stale meets `conflict`, and is merged and repeated as any other. Misses and marks are never held, so that
 * no login is missed; a limit per user, lists and the ends of sessions are the store's alone. What was read before a
 * notice came is not held when it arrives after it.
 *
 * Where a stale ending of up to `maxAge` in the rare case of a lost notice is too much, do without this.
 * @throws TypeError for wrong options, and for a store that cannot be watched.
 */
export function layeredStore<S extends Store & WatchableStore>(options: LayeredStoreOptions<S>): S {
  checkNames('layeredStore', options, NAMES)
  const { store, now = Date.now } = options
  assertOption(
    typeof store?.get === 'function' && isWatchable(store),
    'layeredStore: store: expected one that can be watched, such as redisStore or postgresStore',
  )
  checkClock('layeredStore: now', now)
  const maxEntries = checkedCount('layeredStore: maxEntries', options.maxEntries ?? 10_000)
  const maxAge = parseDuration('layeredStore: maxAge', options.maxAge ?? '1s', 0, LONGEST_TIMER)
  const cache = recordCache(maxEntries, maxAge, now)
  const calls = layeredCalls(store, cache, vigil(store, cache, maxAge, now))
  return new Proxy<S>(store, {
    get(target, property): unknown {
      const value: unknown = Reflect.get(target, property)
      if (typeof value !== 'function') return value
      const call: unknown = Reflect.get(calls, property)
      // Bound, because a store may be an object of a class.
      return call ?? value.bind(target)
    },
  })
}
