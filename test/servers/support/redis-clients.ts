import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster, createSentinel } from 'redis'
import { onTestFinished } from 'vitest'
import type { RedisClient } from '../../../src/stores/redis.ts'

/** A client under test, and how it ends. */
export interface OpenClient {
  readonly client: RedisClient
  readonly close: () => Promise<void>
}

/** One kind of client, and the kind of server that it needs. */
export interface Opener {
  readonly name: string
  readonly server: 'redis' | 'redisCluster'
  readonly open: (url: string) => Promise<OpenClient>
}

/** The clients for a server at a known address. */
export const openers: readonly Opener[] = [
  { name: 'redis, createClient', server: 'redis', open: (url) => openNodeRedis(url) },
  { name: 'redis, createClient with RESP2', server: 'redis', open: (url) => openNodeRedis(url, 2) },
  {
    name: 'ioredis, Redis',
    server: 'redis',
    open: async (url) => {
      const client = quiet(new Redis(url))
      return { client, close: async () => client.disconnect() }
    },
  },
  {
    name: 'redis, createCluster',
    server: 'redisCluster',
    open: async (url) => {
      const client = quiet(createCluster({ rootNodes: [{ url }] }))
      await client.connect()
      return { client, close: async () => client.destroy() }
    },
  },
  {
    name: 'ioredis, Cluster',
    server: 'redisCluster',
    open: async (url) => {
      const client = quiet(new Cluster([url]))
      return { client, close: async () => client.disconnect() }
    },
  },
]

/** The openers that need such a server. */
export function openersFor(server: Opener['server']): readonly Opener[] {
  return openers.filter((opener) => opener.server === server)
}

interface SentinelAddress {
  readonly host: string
  readonly port: number
}

/** The clients that ask a Sentinel for the address. */
export const sentinelOpeners: readonly {
  readonly name: string
  readonly open: (sentinel: SentinelAddress, name: string) => Promise<OpenClient>
}[] = [
  {
    name: 'redis, createSentinel',
    open: async ({ host, port }, name) => {
      const client = quiet(createSentinel({ name, sentinelRootNodes: [{ host, port }], scanInterval: 200 }))
      await client.connect()
      return { client, close: () => client.destroy() }
    },
  },
  {
    name: 'ioredis, Redis with sentinels',
    open: async ({ host, port }, name) => {
      const client = quiet(new Redis({ sentinels: [{ host, port }], name, sentinelRetryStrategy: () => 100 }))
      return { client, close: async () => client.disconnect() }
    },
  },
]

/** Opens the client for the test that runs. */
export async function openFor(opener: Pick<Opener, 'open'>, url: string): Promise<RedisClient> {
  const { client, close } = await opener.open(url)
  onTestFinished(close)
  return client
}

async function openNodeRedis(url: string, RESP: 2 | 3 = 3): Promise<OpenClient> {
  const client = quiet(createClient({ url, RESP }))
  await client.connect()
  return { client, close: async () => client.destroy() }
}

/** An error event without a listener ends the process. */
function quiet<Client extends { on(event: 'error', listener: () => void): unknown }>(client: Client): Client {
  client.on('error', () => undefined)
  return client
}
