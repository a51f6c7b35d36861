import { Cluster, Redis } from 'ioredis'
import { expect, it, onTestFinished } from 'vitest'
import { startRedisCluster } from '../../scripts/servers/redis-cluster.ts'
import { startRedisReplicated, startSentinel } from '../../scripts/servers/redis-group.ts'
import { until } from '../../scripts/servers/until.ts'
import { own } from './support/own.ts'

it('a cluster has three primaries, and a replica takes over when one of them is killed', async (context) => {
  const cluster = await own(context, () => startRedisCluster({ settings: { appendonly: 'yes' } }))
  const before = await cluster.primaries()
  expect(before).toHaveLength(3)
  const client = new Cluster([cluster.url])
  onTestFinished(() => client.disconnect())
  client.on('error', () => undefined)
  const keys = Array.from({ length: 100 }, (_, index) => `key:${index}`)
  for (const key of keys) await client.set(key, key)

  const victim = before[1]!
  await victim.kill9()
  await cluster.settled()
  const after = await cluster.primaries()
  expect(after).toHaveLength(3)
  expect(after).not.toContain(victim)
  for (const key of keys) expect(await client.get(key)).toBe(key)

  await victim.restart()
  await cluster.settled()
  expect(await cluster.primaries()).toEqual(after)
  for (const key of keys) expect(await client.get(key)).toBe(key)
})

it('a replica confirms what its primary got, and none does when it is gone', async (context) => {
  const { primary, replica } = await own(context, () => startRedisReplicated())
  const client = new Redis(primary.url)
  onTestFinished(() => client.disconnect())
  await client.set('kept', '7')
  expect(await client.wait(1, 10_000)).toBe(1)
  await replica.kill9()
  await client.set('kept', '8')
  expect(await client.wait(1, 50)).toBe(0)
  await replica.restart()
  expect(await client.wait(1, 10_000)).toBe(1)
})

it('a sentinel promotes the replica when the primary is killed, and the old primary comes back as a replica', async (context) => {
  const group = await own(context, () => startSentinel())
  const { primary, replica, sentinel, name } = group
  const client = new Redis({
    sentinels: [{ host: sentinel.host, port: sentinel.port }],
    name,
    sentinelRetryStrategy: () => 100,
  })
  onTestFinished(() => client.disconnect())
  client.on('error', () => undefined)
  await client.set('kept', '7')
  expect(await client.wait(1, 10_000)).toBe(1)
  expect(await group.currentPrimary()).toBe(primary)

  await primary.kill9()
  await until('the replica is the primary', async () => (await group.currentPrimary()) === replica)
  await until('clients follow', async () => (await client.set('kept', '8')) === 'OK')

  await primary.restart()
  await until('the old primary follows', async () => (await client.wait(1, 1_000)) === 1)
  const old = new Redis(primary.url)
  onTestFinished(() => old.disconnect())
  expect(await old.get('kept')).toBe('8')
})
