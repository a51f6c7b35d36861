import { freePort } from './ports.ts'
import { redisCli, redisKind } from './redis.ts'
import type { Server, ServerOptions } from './server.ts'
import { launch, programOf } from './server.ts'
import { until } from './until.ts'

export interface RedisCluster {
  /** The address of one process; a client finds the others by it. */
  readonly url: string
  /** The addresses of all processes. */
  readonly urls: readonly string[]
  readonly nodes: readonly Server[]
  /** The processes that hold slots now, as one that runs knows them. */
  primaries(): Promise<readonly Server[]>
  /** Resolves when every process that runs calls the cluster whole. */
  settled(): Promise<void>
  stop(): Promise<void>
}

const SIZE = 6

/** Redis Cluster of three primaries and three replicas on this machine. */
export async function startRedisCluster(options: ServerOptions = {}): Promise<RedisCluster> {
  const started = await Promise.allSettled(Array.from({ length: SIZE }, () => startNode(options)))
  const nodes = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const stop = async (): Promise<void> => void (await Promise.all(nodes.map((node) => node.stop())))
  try {
    for (const each of started) if (each.status === 'rejected') throw each.reason
    const addresses = nodes.map((node) => `127.0.0.1:${node.port}`)
    await redisCli(nodes[0]!.port, '--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes')
    await until('the cluster is whole', async () => (await allAre(nodes, isWhole)) && (await allAre(nodes, isInStep)))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url: nodes[0]!.url,
    urls: nodes.map((node) => node.url),
    nodes,
    primaries: () => primariesOf(nodes),
    settled: () => until('the cluster is whole', async () => allAre(running(nodes), isWhole)),
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
    // What the majority of a minute's silence would decide is not waited for on one machine.
    'cluster-replica-validity-factor': '0',
  }
  return launch(redisKind('redis-cluster', [await programOf('redis')], options, settings), options)
}

async function primariesOf(nodes: readonly Server[]): Promise<readonly Server[]> {
  const [asked] = running(nodes)
  if (asked === undefined) throw new Error('no process of the cluster runs')
  const lines = (await redisCli(asked.port, 'cluster', 'nodes')).split('\n').map((line) => line.split(' '))
  const ports = lines
    .filter(([, , flags = '', , , , , , slots]) => flags.includes('master') && !flags.includes('fail') && slots)
    .map(([, address = '']) => Number(/:(\d+)/.exec(address)?.[1]))
  return nodes.filter((node) => ports.includes(node.port))
}

function running(nodes: readonly Server[]): Server[] {
  return nodes.filter((node) => node.isRunning)
}

async function allAre(nodes: readonly Server[], holds: (port: number) => Promise<boolean>): Promise<boolean> {
  const answers = await Promise.all(nodes.map((node) => holds(node.port)))
  return answers.every(Boolean)
}

async function isWhole(port: number): Promise<boolean> {
  const info = await redisCli(port, 'cluster', 'info')
  return info.includes('cluster_state:ok') && info.includes('cluster_slots_ok:16384')
}

async function isInStep(port: number): Promise<boolean> {
  const info = await redisCli(port, 'info', 'replication')
  return info.includes('role:master') ? /connected_slaves:1/.test(info) : info.includes('master_link_status:up')
}
