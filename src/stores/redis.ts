import { warn } from '#platform'
import type { CompleteStore } from '../core/store.ts'
import { createCalls } from './redis/calls.ts'
import { wireOf } from './redis/client.ts'
import { createConfirmed } from './redis/confirmed.ts'
import { durabilityOf } from './redis/durability.ts'
import { asSessionError } from './redis/faults.ts'
import { createInspection, loadScripts } from './redis/inspection.ts'
import { createNames } from './redis/keys.ts'
import { checkOptions, type RedisStoreOptions } from './redis/options.ts'
import type { Parts } from './redis/parts.ts'
import { recordsOf } from './redis/records.ts'
import { subjectsOf } from './redis/subjects.ts'
import { clearingIn, scanningIn, sweepingIn } from './redis/upkeep.ts'
import { watchingOf } from './redis/watch.ts'

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
  const inspection = createInspection(wire, { persistence, allowEviction }, options.onWarning ?? warn)
  const confirmed = replicas === undefined ? undefined : createConfirmed(wire, replicas)
  const calls = createCalls(wire, {
    sendDecisive: confirmed?.send,
    onFirst: inspection.begin,
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
        await inspection.pass()
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
