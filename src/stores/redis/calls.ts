import { createHash } from 'node:crypto'
import { SessionError } from '../../core/errors.ts'
import { createTurns, type TurnItem } from '../shared/turn.ts'
import { asSessionError, isNoScript } from './faults.ts'
import { SCRIPTS, type ScriptName } from './scripts.ts'
import type { Command, Sent, Wire } from './wire.ts'
import { damaged } from './values.ts'

/** A script and what it works on. */
export interface ScriptCall {
  readonly script: ScriptName
  /** They share a slot; the first is an epoch. */
  readonly keys: readonly string[]
  readonly args: readonly string[]
  /** Whether it is to be on replicas, where the store has some, before it is answered. */
  readonly isDecisive?: boolean
}

/** The store's way to the server: what is asked in one turn of the event loop leaves together. */
export interface Calls {
  /** The epoch, and the value under the key; read together with others that share the epoch. */
  get<R>(epochKey: string, key: string, read: (value: string | undefined, epoch: string) => R): Promise<R>
  run<R>(call: ScriptCall, read: (reply: unknown) => R): Promise<R>
  /** Sends a command that is no script. */
  ask(key: string, command: Command): Promise<unknown>
  /** @throws SessionError when the store is closed, or the client has no connection and looks for none. */
  check(): void
  /** Refuses what comes from now on, and waits for what came before. */
  close(): Promise<void>
}

interface Get extends TurnItem {
  readonly kind: 'get'
  readonly epochKey: string
  readonly key: string
  readonly settle: (value: string | undefined, epoch: string | undefined) => void
}

interface Run extends TurnItem {
  readonly kind: 'run'
  readonly sent: Sent
  readonly keys: readonly string[]
  readonly isDecisive: boolean
}

type Send = Wire['send']

// About a millisecond of work at the server, which does nothing else meanwhile.
const MAX_READS = 256
// What is left goes a turn later, behind the input and output that came meanwhile.
const MAX_ITEMS = 1024

/**
 * Gathers what is asked, and sends it.
 * @param options.sendDecisive a way of its own for what is decisive. @param options.onFirst called at the first call.
 */
export function createCalls(
  wire: Wire,
  options: { readonly sendDecisive?: Send | undefined; readonly onFirst: () => void },
): Calls {
  const sendDecisive = options.sendDecisive ?? wire.send
  const sentOf = createScripts(wire.send, sendDecisive)
  const start = createStart(wire, options.onFirst)
  const turns = createTurns<Get | Run>(
    (items) => {
      const isApart = ({ isDecisive }: Run): boolean => isDecisive && sendDecisive !== wire.send
      const { batch, apart } = batchOf(items, isApart)
      wire.send(batch)
      if (apart.length > 0) sendDecisive(apart)
    },
    { maxItems: MAX_ITEMS },
  )

  return {
    get: (epochKey, key, read) =>
      start.promise((resolve, fail) =>
        turns.add({
          kind: 'get',
          epochKey,
          key,
          settle: (value, epoch) => resolve(() => read(epoch === undefined ? undefined : value, epoch ?? '')),
          fail,
        }),
      ),
    run: (call, read) =>
      start.promise((resolve, fail) => {
        const sent = sentOf(call, { done: (reply) => resolve(() => read(reply)), fail })
        turns.add({ kind: 'run', sent, keys: call.keys, isDecisive: call.isDecisive === true, fail })
      }),
    ask: (key, command) =>
      start.promise((resolve, fail) => {
        const sent = { key, command, done: (reply: unknown) => resolve(() => reply), fail }
        turns.add({ kind: 'run', sent, keys: [key], isDecisive: false, fail })
      }),
    check: () => start.check(),
    close: () => start.close(),
  }
}

/** Makes the promises, and knows which are open. */
interface Start {
  /** The result is what the function given to `resolve` gives. */
  promise<R>(begin: (resolve: (read: () => R) => void, fail: (error: unknown) => void) => void): Promise<R>
  check(): void
  close(): Promise<void>
}

function createStart(wire: Wire, onFirst: () => void): Start {
  let isClosed = false
  let isFirst = true
  let underWay = 0
  const idlers: (() => void)[] = []
  const end = (): void => {
    underWay -= 1
    if (underWay === 0) for (const resolve of idlers.splice(0)) resolve()
  }
  const check = (): void => {
    if (isClosed) throw new SessionError('closed', 'redis: the store is closed')
    wire.check()
  }
  return {
    check,
    promise: (begin) =>
      new Promise((resolve, reject) => {
        check()
        underWay += 1
        const fail = (error: unknown): void => {
          end()
          reject(asSessionError(error))
        }
        begin((read) => {
          try {
            resolve(read())
            end()
          } catch (error) {
            fail(error)
          }
        }, fail)
        if (!isFirst) return
        isFirst = false
        onFirst()
      }),
    async close() {
      isClosed = true
      if (underWay > 0) await new Promise<void>((resolve) => idlers.push(resolve))
    },
  }
}

type Answers = Pick<Sent, 'done' | 'fail'>

/** Makes commands of scripts: by their hash, and whole where the server does not know that. */
function createScripts(sendCheap: Send, sendDecisive: Send): (call: ScriptCall, answers: Answers) => Sent {
  const shas = shasOf()
  return ({ script, keys, args, isDecisive }, { done, fail }) => {
    const key = keys[0] ?? ''
    const tail = [String(keys.length), ...keys, ...args]
    const send = isDecisive === true ? sendDecisive : sendCheap
    return {
      key,
      command: ['EVALSHA', shas[script], ...tail],
      done,
      fail(error) {
        if (!isNoScript(error)) return fail(error)
        // The server has lost its scripts, or never had them. What it refused, it has not done.
        send([{ key, command: ['EVAL', SCRIPTS[script], ...tail], done, fail }])
      },
    }
  }
}

function shasOf(): Readonly<Record<ScriptName, string>> {
  const entries = Object.entries(SCRIPTS).map(([name, text]) => [name, createHash('sha1').update(text).digest('hex')])
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the names are those of SCRIPTS
  return Object.fromEntries(entries) as Record<ScriptName, string>
}

/** Reads of one epoch become one command, which leaves before the first write to one of their keys. */
function batchOf(
  items: readonly (Get | Run)[],
  isApart: (run: Run) => boolean,
): { readonly batch: readonly Sent[]; readonly apart: readonly Sent[] } {
  const batch: Sent[] = []
  const apart: Sent[] = []
  const groups = new Map<string, Get[]>()
  const flush = (epochKey: string, gets: readonly Get[]): void => {
    groups.delete(epochKey)
    batch.push(readOf(epochKey, gets))
  }
  for (const item of items) {
    if (item.kind === 'get') {
      const group = groups.get(item.epochKey)
      if (group === undefined) groups.set(item.epochKey, [item])
      else if (group.push(item) >= MAX_READS) flush(item.epochKey, group)
      continue
    }
    const group = groups.get(item.sent.key)
    // A script about a subject may end any of the group's sessions; one about a session names its keys.
    if (group?.some(({ key }) => item.keys.includes(key) || item.keys.some((name) => name.endsWith(':u:'))))
      flush(item.sent.key, group)
    if (isApart(item)) apart.push(item.sent)
    else batch.push(item.sent)
  }
  for (const [epochKey, gets] of groups) flush(epochKey, gets)
  return { batch, apart }
}

function readOf(epochKey: string, gets: readonly Get[]): Sent {
  const fail = (error: unknown): void => {
    for (const get of gets) get.fail(error)
  }
  return {
    key: epochKey,
    command: ['MGET', epochKey, ...gets.map(({ key }) => key)],
    done(reply) {
      if (!isTexts(reply) || reply.length !== gets.length + 1) return fail(damaged())
      const epoch = reply[0] ?? undefined
      for (const [n, get] of gets.entries()) get.settle(reply[n + 1] ?? undefined, epoch)
    },
    fail,
  }
}

function isTexts(reply: unknown): reply is readonly (string | null)[] {
  return Array.isArray(reply) && reply.every((item) => item === null || typeof item === 'string')
}
