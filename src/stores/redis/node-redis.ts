import { SessionError } from '../../core/errors.ts'
import { refuse } from './refuse.ts'
import type { Ask, Command, Hearing, Sent, Wire } from './wire.ts'

interface CommandOptions {
  readonly typeMapping?: object
}

/** The part of what node-redis' `createClient` gives that the store calls. */
export interface NodeRedisClient {
  readonly isOpen: boolean
  readonly options: { readonly socket?: object | undefined; readonly keyPrefix?: string | undefined } | undefined
  sendCommand(args: readonly string[], options?: CommandOptions): Promise<unknown>
  duplicate(overrides?: object): NodeRedisClient
  connect(): Promise<unknown>
  destroy(): void
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  // oxlint-disable-next-line typescript/no-explicit-any -- what listeners get depends on the event
  on(event: string, listener: (...args: any[]) => void): unknown
}

/** The part of what node-redis' `createCluster` gives that the store calls. */
export interface NodeRedisCluster {
  readonly isOpen: boolean
  readonly masters: readonly object[]
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    args: string[],
    options?: CommandOptions,
  ): Promise<unknown>
  // oxlint-disable-next-line typescript/no-explicit-any -- a member of masters, which only the client knows
  nodeClient(node: any): Promise<NodeRedisClient> | NodeRedisClient
}

/** A connection to the primary that a Sentinel client lends. */
interface Lease {
  sendCommand(isReadonly: boolean | undefined, args: string[], options?: CommandOptions): Promise<unknown>
}

/** The part of what node-redis' `createSentinel` gives that the store calls. */
export interface NodeRedisSentinel {
  readonly isOpen: boolean
  use<R>(work: (lease: Lease) => Promise<R>): Promise<R>
  getMasterNode(): unknown
  duplicate(overrides?: object): NodeRedisSentinel
  connect(): Promise<unknown>
  destroy(): unknown
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  // oxlint-disable-next-line typescript/no-explicit-any -- what listeners get depends on the event
  on(event: string, listener: (...args: any[]) => void): unknown
}

// Texts are texts, whatever the application set on its client.
const AS_TEXT: CommandOptions = { typeMapping: {} }

/** A wire over one client. */
export function wireOfNodeRedis(client: NodeRedisClient): Wire {
  if (typeof client.options?.keyPrefix === 'string' && client.options.keyPrefix !== '') throw prefixed()
  return {
    hasSlots: false,
    check: () => checkOpen(client),
    send(batch) {
      for (const { command, done, fail } of batch) client.sendCommand(command, AS_TEXT).then(done, fail)
    },
    primaries: async () => [askOf(client)],
    subscribe: (channel, hearing) => subscribe(client, channel, hearing),
  }
}

/** A wire over a Cluster client. */
export function wireOfNodeRedisCluster(cluster: NodeRedisCluster): Wire {
  const options: unknown = Reflect.get(cluster, '_options')
  if (optionOf(options, 'useReplicas') === true) {
    throw refuse('the client reads from replicas (useReplicas), where ended sessions live on for a while')
  }
  if (hasText(options, 'keyPrefix')) throw prefixed()
  const primaries = (): Promise<readonly NodeRedisClient[]> =>
    Promise.all(cluster.masters.map(async (node) => await cluster.nodeClient(node)))
  return {
    hasSlots: true,
    check: () => checkOpen(cluster),
    send(batch) {
      for (const { key, command, done, fail } of batch) {
        cluster.sendCommand(key, false, [...command], AS_TEXT).then(done, fail)
      }
    },
    primaries: async () => (await primaries()).map(askOf),
    async subscribe(channel, hearing) {
      const nodes = await primaries()
      const node = nodes[Math.floor(Math.random() * nodes.length)]
      if (node === undefined) throw new SessionError('store-unavailable', 'redis: the cluster has no primary')
      return await subscribe(node, channel, hearing)
    },
  }
}

/** A wire over a Sentinel client. */
export function wireOfNodeRedisSentinel(sentinel: NodeRedisSentinel): Wire {
  return {
    hasSlots: false,
    check: () => checkOpen(sentinel),
    send: (batch) => void sendLeased(sentinel, batch),
    primaries: async () => [(command) => sentinel.use((lease) => lease.sendCommand(false, [...command], AS_TEXT))],
    subscribe: (channel, hearing) => subscribeBySentinel(sentinel, channel, hearing),
  }
}

/** The whole batch over one connection: the client would lend one for each command, one after the other. */
async function sendLeased(sentinel: NodeRedisSentinel, batch: readonly Sent[]): Promise<void> {
  let isSent = false
  try {
    await sentinel.use(async (lease) => {
      const answers = batch.map(({ command, done, fail }) =>
        lease.sendCommand(false, [...command], AS_TEXT).then(done, fail),
      )
      isSent = true
      await Promise.all(answers)
    })
  } catch (error) {
    if (!isSent) for (const { fail } of batch) fail(error)
  }
}

async function subscribe(client: NodeRedisClient, channel: string, hearing: Hearing): Promise<() => Promise<void>> {
  // The store connects again by itself, and tells what was missed.
  const connection = client.duplicate({ socket: { ...client.options?.socket, reconnectStrategy: false } })
  return await listen(connection, ['error', 'end'], channel, hearing)
}

/** The client follows the primary by itself; whenever it does, notices may have been missed. */
async function subscribeBySentinel(
  sentinel: NodeRedisSentinel,
  channel: string,
  hearing: Hearing,
): Promise<() => Promise<void>> {
  return await listen(sentinel.duplicate(), ['error', 'end', 'topology-change', 'client-error'], channel, hearing)
}

async function listen(
  connection: Pick<NodeRedisClient, 'on' | 'connect' | 'subscribe'> & { destroy(): unknown },
  signs: readonly string[],
  channel: string,
  hearing: Hearing,
): Promise<() => Promise<void>> {
  let isListening = false
  const end = async (): Promise<void> => {
    isListening = false
    try {
      await connection.destroy()
    } catch {
      // It was closed already.
    }
  }
  for (const sign of signs) {
    connection.on(sign, () => {
      if (!isListening) return
      void end()
      hearing.onLost()
    })
  }
  try {
    await connection.connect()
    await connection.subscribe(channel, hearing.onMessage)
    isListening = true
    return end
  } catch (error) {
    await end()
    throw error
  }
}

function askOf(client: NodeRedisClient): Ask {
  return (command: Command) => client.sendCommand(command, AS_TEXT)
}

function checkOpen({ isOpen }: { readonly isOpen: boolean }): void {
  if (isOpen) return
  throw new SessionError('store-unavailable', 'redis: the client is not connected; call and await client.connect()')
}

function prefixed(): TypeError {
  return refuse("the client has a keyPrefix; use the store's option prefix, and a client without one")
}

function optionOf(options: unknown, name: string): unknown {
  return typeof options === 'object' && options !== null ? Reflect.get(options, name) : undefined
}

function hasText(options: unknown, name: string): boolean {
  const value = optionOf(options, name)
  return typeof value === 'string' && value !== ''
}
