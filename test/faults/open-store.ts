import { setTimeout as sleep } from 'node:timers/promises'
import { isSessionError } from '../../src/core/errors.ts'
import type { Store } from '../../src/core/store.ts'

/** Where a server says it is, and the way there through a proxy. */
export type Ways = Readonly<Record<string, { readonly host: string; readonly port: number }>>

/** What a process of the application must know to open its store; travels as JSON. */
export type StoreSetting =
  | { readonly kind: 'sqlite'; readonly path: string }
  | {
      readonly kind: 'postgres'
      readonly client: 'pg' | 'postgres'
      readonly url: string
      readonly connections: number
    }
  | { readonly kind: 'mysql'; readonly url: string; readonly connections: number }
  | { readonly kind: 'redis'; readonly client: 'redis' | 'ioredis'; readonly url: string }
  | {
      readonly kind: 'redis-cluster'
      readonly client: 'redis' | 'ioredis'
      readonly ways: Ways
      readonly replicas: number
    }

type Of<Kind extends StoreSetting['kind']> = Extract<StoreSetting, { readonly kind: Kind }>

const SETUP_ATTEMPTS = 200

// Only what is used is loaded, and each client as an application would make it.

export async function openStore(setting: StoreSetting): Promise<Store> {
  switch (setting.kind) {
    case 'sqlite': {
      const { sqliteStore } = await import('../../src/stores/sqlite.ts')
      return sqliteStore({ path: setting.path })
    }
    case 'postgres': {
      const { postgresStore } = await import('../../src/stores/postgres.ts')
      return ready(postgresStore({ client: await postgresClient(setting) }))
    }
    case 'mysql': {
      const { mysqlStore } = await import('../../src/stores/mysql.ts')
      const { createPool } = await import('mysql2')
      return ready(mysqlStore({ client: createPool({ uri: setting.url, connectionLimit: setting.connections }) }))
    }
    case 'redis': {
      const { redisStore } = await import('../../src/stores/redis.ts')
      return redisStore({ client: await redisClient(setting), persistence: 'always' })
    }
    case 'redis-cluster': {
      const { redisStore } = await import('../../src/stores/redis.ts')
      const { replicas } = setting
      return redisStore({ client: await clusterClient(setting), persistence: 'always', replicas: { count: replicas } })
    }
  }
}

/** Every process makes the tables if they are missing, at once with the others, and again if the server is just away. */
async function ready<S extends Store & { setup(): Promise<void> }>(store: S): Promise<S> {
  for (let attempt = 1; ; attempt++) {
    try {
      await store.setup()
      return store
    } catch (error) {
      if (attempt === SETUP_ATTEMPTS || !isSessionError(error) || error.code !== 'store-unavailable') throw error
      await sleep(50)
    }
  }
}

async function postgresClient({ client, url, connections }: Of<'postgres'>) {
  if (client === 'postgres') {
    const { default: postgres } = await import('postgres')
    // With the types this client leaves a rejection unhandled when its connection breaks while it asks for them.
    return postgres(url, { max: connections, fetch_types: false, onnotice: () => undefined })
  }
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({ connectionString: url, max: connections })
  pool.on('error', () => undefined)
  return pool
}

async function redisClient({ client: kind, url }: Of<'redis'>) {
  if (kind === 'ioredis') {
    const { Redis } = await import('ioredis')
    const client = new Redis(url, { retryStrategy: backOff })
    client.on('error', () => undefined)
    return client
  }
  const { createClient } = await import('redis')
  const client = createClient({ url, socket: { reconnectStrategy: backOff } })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

async function clusterClient({ client: kind, ways }: Of<'redis-cluster'>) {
  if (kind === 'ioredis') {
    const { Cluster } = await import('ioredis')
    const client = new Cluster(Object.values(ways), {
      natMap: { ...ways },
      clusterRetryStrategy: backOff,
    })
    client.on('error', () => undefined)
    return client
  }
  const { createCluster } = await import('redis')
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
