import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import type { Store } from '../../src/core/store.ts'
import { redisStore } from '../../src/stores/redis.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'

/** Where a server says it is, and the way there through a proxy. */
export type Ways = Readonly<Record<string, { readonly host: string; readonly port: number }>>

/** What a process of the application must know to open its store; travels as JSON. */
export type StoreSetting =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'redis'; readonly client: 'redis' | 'ioredis'; readonly url: string }
  | { readonly kind: 'redis-cluster'; readonly client: 'redis' | 'ioredis'; readonly ways: Ways; readonly replicas: number }

/** Opens the store with a client as an application would make it. */
export async function openStore(setting: StoreSetting): Promise<Store> {
  switch (setting.kind) {
    case 'sqlite':
      return sqliteStore({ path: setting.path })
    case 'redis':
      return redisStore({ client: await redisClient(setting.client, setting.url) })
    case 'redis-cluster':
      return redisStore({ client: await clusterClient(setting.client, setting.ways) })
  }
}

async function redisClient(kind: 'redis' | 'ioredis', url: string) {
  if (kind === 'ioredis') {
    const client = new Redis(url, { retryStrategy: backOff })
    client.on('error', () => undefined)
    return client
  }
  const client = createClient({ url, socket: { reconnectStrategy: backOff } })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

async function clusterClient(kind: 'redis' | 'ioredis', ways: Ways) {
  if (kind === 'ioredis') {
    const client = new Cluster(Object.values(ways), {
      natMap: { ...ways },
      clusterRetryStrategy: backOff,
      redisOptions: { retryStrategy: backOff },
    })
    client.on('error', () => undefined)
    return client
  }
  const client = createCluster({
    rootNodes: Object.values(ways).map(({ host, port }) => ({ url: `redis://${host}:${port}` })),
    nodeAddressMap: { ...ways },
    defaults: { socket: { reconnectStrategy: backOff } },
  })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

function backOff(attempt: number): number {
  return Math.min(20 * attempt, 200)
}
