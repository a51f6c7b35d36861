import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
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

/** Every kind of client that the store takes, but those of Sentinel. */
export const openers: readonly Opener[] = [
  {
    name: 'redis, createClient',
    server: 'redis',
    open: async (url) => {
      const client = createClient({ url })
      client.on('error', () => undefined)
      await client.connect()
      return { client, close: async () => client.destroy() }
    },
  },
  {
    name: 'ioredis, Redis',
    server: 'redis',
    open: async (url) => {
      const client = new Redis(url)
      client.on('error', () => undefined)
      return { client, close: async () => client.disconnect() }
    },
  },
  {
    name: 'redis, createCluster',
    server: 'redisCluster',
    open: async (url) => {
      const client = createCluster({ rootNodes: [{ url }] })
      client.on('error', () => undefined)
      await client.connect()
      return { client, close: async () => client.destroy() }
    },
  },
  {
    name: 'ioredis, Cluster',
    server: 'redisCluster',
    open: async (url) => {
      const client = new Cluster([url])
      client.on('error', () => undefined)
      return { client, close: async () => client.disconnect() }
    },
  },
]
