import { writeFile } from 'node:fs/promises'
import type { Server, ServerOptions } from './server.ts'
import { launch, programOf } from './server.ts'
import { configOf, redisCli, redisKind, startRedis, startReplicaOf } from './redis.ts'
import { until } from './until.ts'

export interface ReplicatedRedis {
  readonly primary: Server
  readonly replica: Server
  stop(): Promise<void>
}

export interface SentinelRedis extends ReplicatedRedis {
  readonly sentinel: Server
  /** The name by which clients ask the sentinel for the primary. */
  readonly name: string
  /** The server that the sentinel takes for the primary. */
  currentPrimary(): Promise<Server>
}

const NAME = 'sojourn'

/** A primary and a replica in step with it, for `WAIT`. */
export async function startRedisReplicated(options: ServerOptions = {}): Promise<ReplicatedRedis> {
  const primary = await startRedis(options)
  try {
    const replica = await startReplicaOf(primary, options)
    return { primary, replica, stop: () => stopAll([replica, primary]) }
  } catch (error) {
    await primary.stop()
    throw error
  }
}

/** A primary, a replica and one sentinel, which promotes the replica a second after the primary is gone. */
export async function startSentinel(options: ServerOptions = {}): Promise<SentinelRedis> {
  const pair = await startRedisReplicated(options)
  const { primary, replica } = pair
  try {
    const sentinel = await startWatcherOf(primary)
    await until('the sentinel knows the replica', async () =>
      (await redisCli(sentinel.port, 'sentinel', 'replicas', NAME)).includes(`127.0.0.1:${replica.port}`),
    )
    const currentPrimary = async (): Promise<Server> => {
      const address = await redisCli(sentinel.port, 'sentinel', 'get-master-addr-by-name', NAME)
      return address.endsWith(`\n${primary.port}`) ? primary : replica
    }
    return { ...pair, sentinel, name: NAME, currentPrimary, stop: () => stopAll([sentinel, replica, primary]) }
  } catch (error) {
    await pair.stop()
    throw error
  }
}

async function startWatcherOf(primary: Server): Promise<Server> {
  const kind = redisKind('sentinel', [await programOf('redis'), '--sentinel'], {}, { bind: '127.0.0.1' })
  const lines = [
    `sentinel monitor ${NAME} 127.0.0.1 ${primary.port} 1`,
    `sentinel down-after-milliseconds ${NAME} 1000`,
    `sentinel failover-timeout ${NAME} 10000`,
  ]
  return launch(
    {
      ...kind,
      async prepare(folder, port) {
        const own = [`bind 127.0.0.1`, `port ${port}`, `dir ${folder}`]
        await writeFile(configOf(folder), `${[...own, ...lines].join('\n')}\n`)
      },
    },
    {},
  )
}

async function stopAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()))
}
