import { type IoredisClient, type IoredisCluster, wireOfIoredis, wireOfIoredisCluster } from './ioredis.ts'
import {
  type NodeRedisClient,
  type NodeRedisCluster,
  type NodeRedisSentinel,
  wireOfNodeRedis,
  wireOfNodeRedisCluster,
  wireOfNodeRedisSentinel,
} from './node-redis.ts'
import { refuse } from './refuse.ts'
import type { Wire } from './wire.ts'

/**
 * What the store takes: of `redis` (node-redis) what `createClient`, `createCluster` and `createSentinel` give; of
 * `ioredis` a `Redis`, with or without Sentinel, and a `Cluster`.
 */
export type RedisClient = NodeRedisClient | NodeRedisCluster | NodeRedisSentinel | IoredisClient | IoredisCluster

/** Tells the clients apart by the methods that only they have. @throws TypeError for anything else. */
export function wireOf(client: RedisClient): Wire {
  if (isIoredisCluster(client)) return wireOfIoredisCluster(client)
  if (isIoredis(client)) return wireOfIoredis(client)
  if (isNodeRedisCluster(client)) return wireOfNodeRedisCluster(client)
  if (isNodeRedisSentinel(client)) return wireOfNodeRedisSentinel(client)
  if (isNodeRedis(client)) return wireOfNodeRedis(client)
  throw refuse(
    'client: expected what createClient, createCluster or createSentinel of "redis" give, or a Redis or Cluster of "ioredis"',
  )
}

function isIoredisCluster(client: RedisClient): client is IoredisCluster {
  return hasMethods(client, ['call', 'nodes']) && Reflect.get(client, 'isCluster') === true
}

function isIoredis(client: RedisClient): client is IoredisClient {
  return hasMethods(client, ['call', 'pipeline', 'duplicate', 'subscribe'])
}

function isNodeRedisCluster(client: RedisClient): client is NodeRedisCluster {
  return hasMethods(client, ['sendCommand', 'nodeClient'])
}

function isNodeRedisSentinel(client: RedisClient): client is NodeRedisSentinel {
  return hasMethods(client, ['sendCommand', 'acquire', 'getMasterNode', 'duplicate', 'subscribe'])
}

function isNodeRedis(client: RedisClient): client is NodeRedisClient {
  return hasMethods(client, ['sendCommand', 'duplicate', 'subscribe', 'destroy'])
}

function hasMethods(client: unknown, names: readonly string[]): boolean {
  return (
    typeof client === 'object' &&
    client !== null &&
    names.every((name) => typeof Reflect.get(client, name) === 'function')
  )
}
