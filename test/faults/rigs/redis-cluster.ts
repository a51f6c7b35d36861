import { setTimeout as sleep } from 'node:timers/promises'
import { startRedisCluster } from '../../../scripts/servers/redis-cluster.ts'
import { redisCli } from '../../../scripts/servers/redis.ts'
import { startProxy } from '../proxy.ts'
import { AOF, redisVersion } from './redis.ts'
import type { Rig, RigOptions } from './rig.ts'
import { versionOf } from './versions.ts'

/** How long before a primary's death what it acknowledged may not have reached its replica. */
const LAG_MS = 1_000

/** Six processes; the endings wait for a replica, the saves do not, and may be lost in a failover. */
export async function redisClusterRig({ random, clock }: RigOptions): Promise<Rig> {
  const cluster = await startRedisCluster({ settings: AOF })
  const proxies = await Promise.all(cluster.nodes.map((node) => startProxy({ target: node, random })))
  const ways = Object.fromEntries(
    cluster.nodes.map((node, index) => [`127.0.0.1:${node.port}`, { host: '127.0.0.1', port: proxies[index]!.port }]),
  )
  const [first] = cluster.nodes
  return {
    store: 'redis-cluster',
    versions: [
      `${await redisVersion(first!.port)}, 3 primaries and 3 replicas`,
      `redis ${versionOf('redis')}`,
      `ioredis ${versionOf('ioredis')}`,
    ],
    settingFor: (member) => ({
      kind: 'redis-cluster',
      client: member % 2 === 0 ? 'redis' : 'ioredis',
      ways,
      replicas: 1,
    }),
    hasPool: false,
    signsInByHops: true,
    proxies,
    blows: [
      {
        name: 'primary killed with -9 and failed over',
        times: 10,
        async strike() {
          const primaries = await cluster.primaries()
          const victim = primaries[Math.floor(random() * primaries.length)]!
          const since = clock() - LAG_MS
          await victim.kill9()
          await cluster.settled()
          await victim.restart()
          await inStep(victim.port)
          return { since, loses: 'saves' }
        },
      },
      {
        name: 'scripts flushed',
        times: 10,
        async strike() {
          await Promise.all(cluster.nodes.map((node) => redisCli(node.port, 'script', 'flush', 'sync')))
        },
      },
    ],
    limitations: ['the disk is filled under the single server only'],
    async stop() {
      await Promise.all(proxies.map((proxy) => proxy.close()))
      await cluster.stop()
    },
  }
}

/** Resolves when the process follows its new primary again, so that the next failover finds a replica. */
async function inStep(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const info = await redisCli(port, 'info', 'replication').catch(() => '')
    if (info.includes('master_link_status:up')) return
    await sleep(50)
  }
  throw new Error('a process of the cluster does not follow its primary')
}
