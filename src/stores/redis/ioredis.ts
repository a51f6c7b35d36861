import { SessionError } from '../../core/errors.ts'
import { refuse } from './refuse.ts'
import { slotOf } from './slots.ts'
import type { Answer, Ask, Command, Hearing, Sent, Subscription, Twin, Wire } from './wire.ts'

/** Commands that ioredis sends together. */
export interface IoredisPipeline {
  /** Sends them, and gives an answer for each. */
  exec(): Promise<[error: Error | null, reply: unknown][] | null>
}

/** What both kinds of client do. */
interface Pipelining {
  readonly status: string
  /** Sends a command as it is. */
  call(command: string, ...args: string[]): Promise<unknown>
  /** Commands that are sent together. */
  pipeline(commands?: unknown[][]): IoredisPipeline
  /** Ends the connection at once. */
  disconnect(): void
  /** Calls the listener at each event of that name. */
  // oxlint-disable-next-line typescript/no-explicit-any -- what listeners get depends on the event
  on(event: string, listener: (...args: any[]) => void): unknown
}

/** The part of ioredis' `Redis` that the store calls. */
export interface IoredisClient extends Pipelining {
  readonly options: {
    readonly keyPrefix?: string | undefined
    readonly role?: string | undefined
    readonly readOnly?: boolean | undefined
    maxRetriesPerRequest?: number | null | undefined
  }
  /** Another one of the same settings. */
  duplicate(override?: object): IoredisClient
  /** Opens the connection. */
  connect(): Promise<unknown>
  /** Hears what is published there. */
  subscribe(channel: string): Promise<unknown>
}

/** The part of ioredis' `Cluster` that the store calls. */
export interface IoredisCluster extends Pipelining {
  readonly isCluster: boolean
  readonly options: {
    readonly keyPrefix?: string | undefined
    readonly scaleReads?: unknown
    readonly redisOptions?: { readonly keyPrefix?: string | undefined } | undefined
    retryDelayOnFailover?: number | undefined
  }
  /** The addresses of the servers of each slot, the primary's first. */
  readonly slots: readonly (readonly string[] | undefined)[]
  /** The clients of the nodes. */
  nodes(role: 'master'): readonly IoredisClient[]
  /** Another one of the same settings. */
  duplicate(startupNodes?: [], override?: object): IoredisCluster
}

/** Refuses the options that would break the store's promises. */
function checkOptions({ options }: IoredisClient | IoredisCluster): void {
  const prefix = options.keyPrefix ?? ('redisOptions' in options ? options.redisOptions?.keyPrefix : undefined)
  if (prefix !== undefined && prefix !== '') {
    throw refuse("the client has a keyPrefix; use the store's option prefix, and a client without one")
  }
  if ('scaleReads' in options && options.scaleReads !== undefined && options.scaleReads !== 'master') {
    throw refuse('the client reads from replicas (scaleReads), where ended sessions live on for a while; use "master"')
  }
  if ('role' in options && options.role === 'slave') {
    throw refuse('the client connects to a replica (role "slave"), where ended sessions live on for a while')
  }
  if ('readOnly' in options && options.readOnly === true) {
    throw refuse('the client reads from replicas (readOnly), where ended sessions live on for a while')
  }
}

/** A wire over `Redis`, whether it found its server by itself or by Sentinel. */
export function wireOfIoredis(client: IoredisClient): Wire {
  checkOptions(client)
  // Else it sends again, unseen, what was under way when its connection broke, and a save would be done twice; without
  // `autoResendUnfulfilledCommands` it would forget it, and never answer.
  client.options.maxRetriesPerRequest = 0
  return {
    hasSlots: false,
    check: () => checkStatus(client.status),
    send: (batch) => sendAll(client, batch),
    primaries: async () => [askOf(client)],
    subscribe: (channel, hearing) => subscribe(client, channel, hearing),
    // What was under way when the connection broke must not be done again unseen: WAIT would speak of nothing.
    twin: async () => twinOf(client.duplicate({ maxRetriesPerRequest: 0 }), () => 'one'),
  }
}

/** A wire over `Cluster`. */
export function wireOfIoredisCluster(cluster: IoredisCluster): Wire {
  checkOptions(cluster)
  // As above.
  cluster.options.retryDelayOnFailover = 0
  const primaries = async (): Promise<readonly IoredisClient[]> => {
    // A client that has just been made knows no nodes before its first answer.
    if (cluster.status !== 'ready') await cluster.call('EXISTS', 'sojourn')
    return cluster.nodes('master')
  }
  return {
    hasSlots: true,
    check: () => checkStatus(cluster.status),
    send(batch) {
      for (const { command, done, fail } of batch) cluster.call(...named(command)).then(done, fail)
    },
    primaries: async () => (await primaries()).map(askOf),
    async subscribe(channel, hearing) {
      const nodes = await primaries()
      const node = nodes[Math.floor(Math.random() * nodes.length)]
      if (node === undefined) throw new SessionError('store-unavailable', 'redis: the cluster has no primary')
      return await subscribe(node, channel, hearing)
    },
    async twin() {
      const twin = cluster.duplicate([], { retryDelayOnFailover: 0 })
      // The first answer brings the map of the slots.
      await twin.call('EXISTS', 'sojourn')
      return twinOf(twin, (key) => twin.slots[slotOf(key)]?.[0])
    },
  }
}

/** A pipeline of keys of one server goes over one connection. */
function twinOf(client: Pipelining, placeOf: Twin['placeOf']): Twin {
  // What goes wrong is told by the answers.
  client.on('error', () => undefined)
  return {
    placeOf,
    sequence: (_key, commands) => pipeline(client, commands),
    lookAgain: (key) => client.call('EXISTS', key),
    end: async () => client.disconnect(),
  }
}

/** One packet for all, and one promise. */
function sendAll(client: IoredisClient, batch: readonly Sent[]): void {
  const [first] = batch
  if (first !== undefined && batch.length === 1) {
    client.call(...named(first.command)).then(first.done, first.fail)
    return
  }
  const settleAll = (answers: readonly Answer[]): void => {
    for (const [n, { done, fail }] of batch.entries()) {
      const answer = answers[n] ?? { error: new Error('the client gave no answer') }
      if ('error' in answer) fail(answer.error)
      else done(answer.reply)
    }
  }
  const failAll = (error: unknown): void => {
    for (const { fail } of batch) fail(error)
  }
  pipeline(
    client,
    batch.map(({ command }) => command),
  ).then(settleAll, failAll)
}

async function pipeline(client: Pipelining, commands: readonly Command[]): Promise<readonly Answer[]> {
  const results = await client.pipeline(commands.map((command) => ['call', ...command])).exec()
  return (results ?? []).map(([error, reply]) => (error instanceof Error ? { error } : { reply }))
}

async function subscribe(client: IoredisClient, channel: string, hearing: Hearing): Promise<Subscription> {
  const connection = client.duplicate({
    lazyConnect: true,
    autoResubscribe: false,
    // The store connects again by itself, and tells what was missed.
    retryStrategy: () => null,
    sentinelRetryStrategy: () => null,
    reconnectOnError: null,
  })
  // What goes wrong ends the connection, and that is told.
  connection.on('error', () => undefined)
  connection.on('message', (_channel: unknown, message: unknown) => hearing.onMessage(String(message)))
  let isOpen = false
  connection.on('end', () => {
    if (isOpen) hearing.onLost()
    isOpen = false
  })
  try {
    await connection.connect()
    await connection.subscribe(channel)
    isOpen = true
  } catch (error) {
    connection.disconnect()
    throw error
  }
  return {
    ping: () => connection.call('PING'),
    async end() {
      isOpen = false
      connection.disconnect()
    },
  }
}

function askOf(client: IoredisClient): Ask {
  return (command) => client.call(...named(command))
}

function named([name = '', ...args]: Command): [string, ...string[]] {
  return [name, ...args]
}

function checkStatus(status: string): void {
  if (status !== 'end') return
  throw new SessionError('store-unavailable', 'redis: the client has been closed; connect it again')
}
