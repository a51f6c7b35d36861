import { SessionError } from '../../core/errors.ts'
import { refuse } from './refuse.ts'
import type { Answer, Ask, Command, Hearing, Sent, Subscription, Wire } from './wire.ts'

/** What the store says about a command. */
export interface NodeRedisCommandOptions {
  /** How replies are represented: as text. */
  readonly typeMapping?: object
}

/** What the three kinds of client do. */
interface Connecting {
  readonly isOpen: boolean
  /** Opens the connection. */
  connect(): Promise<unknown>
  /** Ends the connection at once. */
  destroy(): unknown
  /** Calls the listener at each event of that name. */
  // oxlint-disable-next-line typescript/no-explicit-any -- what listeners get depends on the event
  on(event: string, listener: (...args: any[]) => void): unknown
}

/** The part of what node-redis' `createClient` gives that the store calls. */
export interface NodeRedisClient extends Connecting {
  readonly options:
    | { readonly socket?: object | undefined; readonly keyPrefix?: unknown; readonly readonly?: boolean | undefined }
    | undefined
  /** Sends a command as it is. */
  sendCommand(args: readonly string[], options?: NodeRedisCommandOptions): Promise<unknown>
  /** Another one of the same settings. */
  duplicate(overrides?: object): NodeRedisClient
  /** Hears what is published there. */
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
}

/** The part of what node-redis' `createCluster` gives that the store calls. */
export interface NodeRedisCluster extends Connecting {
  readonly masters: readonly object[]
  /** Sends a command as it is to the node of the key. */
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    args: string[],
    options?: NodeRedisCommandOptions,
  ): Promise<unknown>
  /** The client of one node. */
  // oxlint-disable-next-line typescript/no-explicit-any -- a member of masters, which only the client knows
  nodeClient(node: any): Promise<NodeRedisClient> | NodeRedisClient
  /** The client of the node of the key. */
  getNodeClientForKey(key: string, isReadonly: boolean): Promise<NodeRedisClient>
  /** Another one of the same settings. */
  duplicate(overrides?: object): NodeRedisCluster
}

/** A connection to the primary that a Sentinel client lends. */
export interface NodeRedisLease {
  /** Sends a command as it is. */
  sendCommand(isReadonly: boolean | undefined, args: string[], options?: NodeRedisCommandOptions): Promise<unknown>
}

/** The part of what node-redis' `createSentinel` gives that the store calls. */
export interface NodeRedisSentinel extends Connecting, NodeRedisLease {
  /** Lends a connection to the primary. */
  acquire(): Promise<NodeRedisLease>
  /** The address of the primary. */
  getMasterNode(): unknown
  /** Another one of the same settings. */
  duplicate(overrides?: object): NodeRedisSentinel
  /** Hears what is published there. */
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
}

// Texts are texts, whatever the application set on its client.
const AS_TEXT: NodeRedisCommandOptions = { typeMapping: {} }

/** A wire over one client. */
export function wireOfNodeRedis(client: NodeRedisClient): Wire {
  if (hasText(client.options, 'keyPrefix')) throw prefixed()
  if (client.options?.readonly === true) throw replicated('readonly')
  return {
    hasSlots: false,
    check: () => checkOpen(client),
    send(batch) {
      for (const { command, done, fail } of batch) client.sendCommand(command, AS_TEXT).then(done, fail)
    },
    primaries: async () => [askOf(client)],
    subscribe: (channel, hearing) => subscribe(client, channel, hearing),
    async twin() {
      const twin = await connected(client.duplicate())
      const ask = askOf(twin)
      return {
        placeOf: () => twin,
        sequence: (_key, commands) => settled(commands.map(ask)),
        lookAgain: (key) => ask(['EXISTS', key]),
        end: () => endOf(twin),
      }
    },
  }
}

/** A wire over a Cluster client. */
export function wireOfNodeRedisCluster(cluster: NodeRedisCluster): Wire {
  const options: unknown = Reflect.get(cluster, '_options')
  if (optionOf(options, 'useReplicas') === true) {
    throw replicated('useReplicas')
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
    async twin() {
      const twin = await connected(cluster.duplicate())
      return {
        placeOf: (key) => twin.getNodeClientForKey(key, false),
        async sequence(key, commands) {
          const node = await twin.getNodeClientForKey(key, false)
          return await settled(commands.map(askOf(node)))
        },
        lookAgain: (key) => twin.sendCommand(key, false, ['EXISTS', key], AS_TEXT),
        end: () => endOf(twin),
      }
    },
  }
}

/** A wire over a Sentinel client. */
export function wireOfNodeRedisSentinel(sentinel: NodeRedisSentinel): Wire {
  if (hasText(sentinel, '_keyPrefix')) throw prefixed()
  return {
    hasSlots: false,
    check: () => checkOpen(sentinel),
    send: (batch) => void sendShared(sentinel, batch),
    primaries: async () => [(command) => sentinel.sendCommand(false, [...command], AS_TEXT)],
    subscribe: (channel, hearing) => subscribeBySentinel(sentinel, channel, hearing),
    async twin() {
      const twin = await connected(sentinel.duplicate({ masterPoolSize: 1 }))
      // Borrowed once and kept: it is slow (a class is made for each), and nobody else uses this pool.
      const lease = await twin.acquire()
      return {
        placeOf: () => twin,
        sequence: (_key, commands) =>
          settled(commands.map((command) => lease.sendCommand(false, [...command], AS_TEXT))),
        lookAgain: (key) => lease.sendCommand(false, ['EXISTS', key], AS_TEXT),
        end: () => endOf(twin),
      }
    },
  }
}

/** What goes wrong with a connection of the store's own is told by the answers. */
async function connected<Client extends Connecting>(client: Client): Promise<Client> {
  client.on('error', () => undefined)
  await client.connect()
  return client
}

async function endOf(client: Connecting): Promise<void> {
  try {
    await client.destroy()
  } catch {
    // It was closed already.
  }
}

async function settled(replies: readonly Promise<unknown>[]): Promise<readonly Answer[]> {
  const outcomes = await Promise.allSettled(replies)
  return outcomes.map((outcome) =>
    outcome.status === 'fulfilled' ? { reply: outcome.value } : { error: outcome.reason as unknown },
  )
}

/**
 * The client borrows a connection of its pool for a command, and the commands that come meanwhile share it. Of those that
 * come at once, each would borrow one, and wait for it; so the first goes ahead by the moment that borrowing takes.
 */
async function sendShared(sentinel: NodeRedisSentinel, [first, ...rest]: readonly Sent[]): Promise<void> {
  const sendOne = ({ command, done, fail }: Sent): void => {
    sentinel.sendCommand(false, [...command], AS_TEXT).then(done, fail)
  }
  if (first === undefined) return
  sendOne(first)
  await Promise.resolve()
  await Promise.resolve()
  for (const sent of rest) sendOne(sent)
}

async function subscribe(client: NodeRedisClient, channel: string, hearing: Hearing): Promise<Subscription> {
  // The store connects again by itself, and tells what was missed.
  const connection = client.duplicate({ socket: { ...client.options?.socket, reconnectStrategy: false } })
  const end = await listen(connection, ['error', 'end'], channel, hearing)
  return { ping: () => connection.sendCommand(['PING']), end }
}

/** The client follows the primary by itself; whenever it does, notices may have been missed. */
async function subscribeBySentinel(
  sentinel: NodeRedisSentinel,
  channel: string,
  hearing: Hearing,
): Promise<Subscription> {
  const signs = ['error', 'end', 'topology-change', 'client-error']
  const end = await listen(sentinel.duplicate(), signs, channel, hearing)
  // The client watches the connection by itself.
  return { ping: () => Promise.resolve(), end }
}

async function listen(
  connection: Connecting & Pick<NodeRedisClient, 'subscribe'>,
  signs: readonly string[],
  channel: string,
  hearing: Hearing,
): Promise<() => Promise<void>> {
  let isListening = false
  const end = async (): Promise<void> => {
    isListening = false
    await endOf(connection)
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

function replicated(option: string): TypeError {
  return refuse(`the client reads from replicas (${option}), where ended sessions live on for a while`)
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
