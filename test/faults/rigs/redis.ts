import { redisCli, startRedis } from '../../../scripts/servers/redis.ts'
import { startProxy } from '../proxy.ts'
import type { Rig, RigOptions } from './rig.ts'
import { smallDisk } from './small-disk.ts'
import { NO_SMALL_DISK, filling, killing } from './troubles.ts'
import { versionOf } from './versions.ts'

const DISK_MB = 192

/** What keeps every acknowledged write through a kill, as docs/redis.md asks for. */
export const AOF = { appendonly: 'yes', appendfsync: 'always' } as const

/** One Redis that writes its log before it answers; the application's processes use either client. */
export async function redisRig({ random }: RigOptions): Promise<Rig> {
  const disk = smallDisk(DISK_MB)
  const server = await startRedis({ settings: AOF, ...(disk && { within: disk.path }) })
  const proxy = await startProxy({ target: server, random })
  const url = `redis://127.0.0.1:${proxy.port}`
  return {
    store: 'redis',
    versions: [await redisVersion(server.port), `redis ${versionOf('redis')}`, `ioredis ${versionOf('ioredis')}`],
    settingFor: (member) => ({ kind: 'redis', client: member % 2 === 0 ? 'redis' : 'ioredis', url }),
    hasPool: false,
    signsInByHops: false,
    proxies: [proxy],
    blows: [
      killing(server, random, 20),
      {
        name: 'scripts flushed',
        times: 20,
        strike: async () => void (await redisCli(server.port, 'script', 'flush', 'sync')),
      },
      ...(disk ? [filling(server, disk, 2)] : []),
    ],
    limitations: [
      'each client has one connection by its nature, so there is no pool to narrow',
      ...(disk ? [] : [NO_SMALL_DISK]),
    ],
    async stop() {
      await proxy.close()
      await server.stop()
      disk?.remove()
    },
  }
}

export async function redisVersion(port: number): Promise<string> {
  const info = await redisCli(port, 'info', 'server')
  return `Redis ${/redis_version:(\S+)/.exec(info)?.[1] ?? 'of unknown version'}`
}
