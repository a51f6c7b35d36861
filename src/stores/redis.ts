import { warn } from '#platform'
import { SessionError } from '../core/errors.ts'
import type { CompleteStore } from '../core/store.ts'
import { createCalls } from './redis/calls.ts'
import { wireOf } from './redis/client.ts'
import { createConfirmed } from './redis/confirmed.ts'
import { durabilityOf } from './redis/durability.ts'
import { asSessionError } from './redis/faults.ts'
import { type Declared, inspect, loadScripts } from './redis/inspection.ts'
import { createNames } from './redis/keys.ts'
import { checkOptions, type RedisStoreOptions } from './redis/options.ts'
import type { Parts } from './redis/parts.ts'
import { recordsOf } from './redis/records.ts'
import { subjectsOf } from './redis/subjects.ts'
import { clearingIn, scanningIn, sweepingIn } from './redis/upkeep.ts'
import { watchingOf } from './redis/watch.ts'
import type { Wire } from './redis/wire.ts'

export type { RedisClient } from './redis/client.ts'
export type { RedisPersistence } from './redis/durability.ts'
export type { RedisStoreOptions } from './redis/options.ts'
export type { IoredisClient, IoredisCluster, IoredisPipeline } from './redis/ioredis.ts'
export type {
  NodeRedisClient,
  NodeRedisCluster,
  NodeRedisCommandOptions,
  NodeRedisLease,
  NodeRedisSentinel,
} from './redis/node-redis.ts'

/** What {@link redisStore} gives. */
export type RedisStore = CompleteStore & {
  /**
   * Loads the scripts and looks at the servers' settings, about which it may warn. The first operation starts the same
   * look by itself, and warns only; calling this at the start of a program tells early that the server cannot be reached.
   * @throws SessionError `store-unavailable`, also for a server that may evict (see `allowEviction`)
   */
  setup(): Promise<void>
}

/**
 * Sessions in Redis 7 or Valkey 8: one server, one found by Sentinel, or a Cluster. Each operation is one command or one
 * script, and what one turn of the event loop asks travels together. `docs/redis.md` has the commands, and what survives
 * which accident.
 * @throws TypeError for wrong options, and for clients that read from replicas or put a prefix of their own before names.
 */
export function redisStore(options: RedisStoreOptions): RedisStore {
  const { prefix, replicas, persistence, allowEviction } = checkOptions(options)
  const wire = wireOf(options.client)
  const tell = options.onWarning ?? warn
  const look = lookingAt(wire, { persistence, allowEviction }, tell)
  const confirmed = replicas === undefined ? undefined : createConfirmed(wire, replicas)
  const calls = createCalls(wire, {
    sendDecisive: confirmed?.send,
    // What cannot be asked now is not worth an error: the operation itself will tell.
    onFirst: () =>
      void look().then(
        (faults) => faults.forEach(tell),
        () => undefined,
      ),
  })
  const names = createNames(prefix, wire)
  const parts: Parts = { calls, names, now: options.now ?? Date.now, hasSlots: wire.hasSlots }
  const watching = watchingOf(wire, names)
  return {
    name: 'redis',
    durability: durabilityOf(persistence, replicas),
    ...recordsOf(parts),
    ...subjectsOf(parts),
    ...clearingIn(parts),
    ...scanningIn(parts, wire),
    ...sweepingIn(parts, wire, { hasOwnClock: options.now !== undefined }),
    async watch(listener) {
      calls.check()
      return await watching.watch(listener)
    },
    async setup() {
      try {
        calls.check()
        await loadScripts(wire)
        const [fault] = await look()
        if (fault !== undefined) throw new SessionError('store-unavailable', fault)
      } catch (error) {
        throw asSessionError(error)
      }
    },
    async close() {
      await calls.close()
      await Promise.all([confirmed?.end(), watching.close()])
    },
  }
}

/** Tells warnings once; gives the faults. What failed, or found faults, is looked at again when it is asked again. */
function lookingAt(wire: Wire, declared: Declared, tell: (message: string) => void): () => Promise<readonly string[]> {
  const told = new Set<string>()
  let looking: Promise<readonly string[]> | undefined
  const look = async (): Promise<readonly string[]> => {
    let isDone = false
    try {
      const { faults, warnings } = await inspect(wire, declared)
      for (const warning of warnings) if (!told.has(warning)) tell(warning)
      for (const warning of warnings) told.add(warning)
      isDone = faults.length === 0
      return faults
    } finally {
      if (!isDone) looking = undefined
    }
  }
  return () => (looking ??= look())
}
