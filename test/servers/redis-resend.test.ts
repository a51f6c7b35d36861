import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import { expect, it, onTestFinished } from 'vitest'
import { startRedis } from '../../scripts/servers/redis.ts'
import { startRedisCluster } from '../../scripts/servers/redis-cluster.ts'
import { redisStore } from '../../src/stores/redis.ts'
import type { RedisClient } from '../../src/stores/redis.ts'
import { testKey, testRecord } from '../../src/testing/index.ts'
import { CALM, startProxy } from '../faults/proxy.ts'

/** Opens a client with its own defaults, by way of a proxy; `ways` leads from each server's address to its proxy. */
type Open = (ways: Readonly<Record<string, { host: string; port: number }>>) => Promise<RedisClient>

const quiet = <C extends { on(event: 'error', listener: () => void): unknown }>(client: C): C => {
  client.on('error', () => undefined)
  return client
}

const single: readonly (readonly [string, Open])[] = [
  [
    'ioredis',
    async (ways) => {
      const client = quiet(new Redis(Object.values(ways)[0]!))
      onTestFinished(() => client.disconnect())
      return client
    },
  ],
  [
    'redis',
    async (ways) => {
      const client = quiet(createClient({ socket: Object.values(ways)[0]! }))
      onTestFinished(() => client.destroy())
      return client.connect()
    },
  ],
]

const clustered: readonly (readonly [string, Open])[] = [
  [
    'the Cluster of ioredis',
    async (ways) => {
      const client = quiet(new Cluster(Object.values(ways), { natMap: { ...ways } }))
      onTestFinished(() => client.disconnect())
      return client
    },
  ],
  [
    'the cluster of redis',
    async (ways) => {
      // Each time an object of its own: the client writes into what it gets (see docs/redis.md), and would not connect again.
      const rootNodes = Object.values(ways).map((way) => ({ socket: { ...way } }))
      const nodeAddressMap = (address: string) => ({ ...ways[address]! })
      const client = quiet(createCluster({ rootNodes, nodeAddressMap }))
      onTestFinished(() => client.destroy())
      await client.connect()
      return client
    },
  ],
]

it.each(single)('STORE-6: %s does not do a save again whose reply was lost', async (_name, open) => {
  const server = await startRedis()
  onTestFinished(() => server.stop())
  await showOnce([server], open)
})

it.each(clustered)('STORE-6: %s does not do a save again whose reply was lost', async (_name, open) => {
  const cluster = await startRedisCluster()
  onTestFinished(() => cluster.stop())
  await showOnce(cluster.nodes, open)
})

async function showOnce(targets: readonly { host: string; port: number }[], open: Open): Promise<void> {
  const proxies = await Promise.all(targets.map((target) => startProxy({ target, random: () => 0 })))
  onTestFinished(async () => void (await Promise.all(proxies.map((proxy) => proxy.close()))))
  const ways: Record<string, { host: string; port: number }> = {}
  for (const [n, { host, port }] of targets.entries()) {
    ways[`${host}:${port}`] = { host: '127.0.0.1', port: proxies[n]!.port }
  }
  const store = redisStore({ client: await open(ways), onWarning: () => undefined })
  const record = testRecord(Date.now(), 'a')
  await store.insert(testKey('a'), record)
  const dropped = (): number => proxies.reduce((sum, { counts }) => sum + (counts.get('dropped replies') ?? 0), 0)
  let version = 1
  const save = () => store.update(testKey('a'), version, { ...record, version: version + 1 })
  await save()
  for (version = 2; version < 6; version++) {
    const before = dropped()
    for (const proxy of proxies) proxy.setWeather({ ...CALM, dropReply: 1 })
    const saved = save().then(
      ({ outcome }) => outcome,
      () => 'failed',
    )
    await expect.poll(() => dropped() > before, { interval: 1 }).toBe(true)
    for (const proxy of proxies) proxy.setWeather(CALM)
    // Done again it would answer that it had met another's: a conflict with itself. A client that looks around in the
    // cluster may be the one that loses a reply; then it is simply done.
    expect(['failed', 'updated']).toContain(await saved)
    await expect
      .poll(async () => store.get(testKey('a')).catch(() => undefined), { interval: 20, timeout: 20_000 })
      .toMatchObject({ version: version + 1 })
  }
  await store.close()
}
