import { freePort } from './ports.ts'
import { isInStep, redisCli, redisKind } from './redis.ts'
import type { Server, ServerOptions } from './server.ts'
import { launch, programOf } from './server.ts'
import { until } from './until.ts'

export interface RedisCluster {
  /** The address of one process; a client finds the others by it. */
  readonly url: string
  /** The addresses of all processes. */
  readonly urls: readonly string[]
  readonly nodes: readonly Server[]
  /** The processes that hold slots, as one that runs has it. */
  primaries(): Promise<readonly Server[]>
  /** Resolves when processes that run hold all slots, and all that run agree. */
  settled(): Promise<void>
  stop(): Promise<void>
}

const SIZE = 6

/** Redis Cluster of three primaries and three replicas on this machine. */
export async function startRedisCluster(options: ServerOptions = {}): Promise<RedisCluster> {
  const started = await Promise.allSettled(Array.from({ length: SIZE }, () => startNode(options)))
  const nodes = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const settled = (): Promise<void> => until('the cluster is whole', () => isWhole(nodes))
  const stop = async (): Promise<void> => void (await Promise.all(nodes.map((node) => node.stop())))
  try {
    for (const each of started) if (each.status === 'rejected') throw each.reason
    const addresses = nodes.map((node) => `127.0.0.1:${node.port}`)
    await redisCli(nodes[0]!.port, '--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes')
    await settled()
    await until('the replicas are in step', async () => {
      const replicas = await Promise.all(nodes.map((node) => isInStep(node.port)))
      return replicas.filter(Boolean).length === SIZE / 2
    })
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url: nodes[0]!.url,
    urls: nodes.map((node) => node.url),
    nodes,
    primaries: () => primariesOf(nodes),
    settled,
    stop,
  }
}

async function startNode(options: ServerOptions): Promise<Server> {
  const settings = {
    bind: '127.0.0.1',
    'protected-mode': 'no',
    save: '""',
    'repl-diskless-sync-delay': '0',
    'cluster-enabled': 'yes',
    'cluster-port': String(await freePort()),
    'cluster-node-timeout': '3000',
    // A replica may take over however long its primary has been silent.
    'cluster-replica-validity-factor': '0',
  }
  return launch(redisKind('redis-cluster', [await programOf('redis')], options, settings), options)
}

async function primariesOf(nodes: readonly Server[]): Promise<readonly Server[]> {
  const asked = nodes.find((node) => node.isRunning)
  if (asked === undefined) throw new Error('no process of the cluster runs')
  const ports = await holdersOfSlots(asked.port)
  return nodes.filter((node) => ports.includes(node.port))
}

async function isWhole(nodes: readonly Server[]): Promise<boolean> {
  const ports = nodes.filter((node) => node.isRunning).map((node) => node.port)
  const views = await Promise.all(ports.map(async (port) => (await isWholeFor(port)) && holdersOfSlots(port)))
  // For some seconds the others do not know of one that was killed.
  return views.every((view) => view !== false && view.every((port) => ports.includes(port)))
}

async function isWholeFor(port: number): Promise<boolean> {
  const info = await redisCli(port, 'cluster', 'info')
  return info.includes('cluster_state:ok') && info.includes('cluster_slots_ok:16384')
}

/** The ports of the processes that hold slots, as the process on this port knows them. */
async function holdersOfSlots(port: number): Promise<readonly number[]> {
  const lines = (await redisCli(port, 'cluster', 'nodes')).split('\n').map((line) => line.split(' '))
  // Eight columns, and then the slots.
  const holders = lines.filter((columns) => columns.length > 8)
  return holders.map(([, address = '']) => Number(/:(\d+)/.exec(address)?.[1]))
}
