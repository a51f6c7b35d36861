import { createHash } from 'node:crypto'
import { SessionError } from '../../core/errors.ts'
import { createTurns, type TurnItem } from '../shared/turn.ts'
import { asSessionError, isNoScript } from './faults.ts'
import { SCRIPTS, type ScriptName } from './scripts.ts'
import type { Sent, Wire } from './wire.ts'
import { damaged } from './values.ts'

/** The store's way to the server: what is asked in one turn of the event loop leaves together. */
export interface Calls {
  /** The epoch, and the value under the key; read together with others that share the epoch. */
  get<R>(epochKey: string, key: string, read: (value: string | undefined, epoch: string) => R): Promise<R>
  /** Runs a script; its keys share a slot, the first is an epoch. */
  run<R>(script: ScriptName, keys: readonly string[], args: readonly string[], read: (reply: unknown) => R): Promise<R>
  /** Sends a command that is no script. */
  ask(key: string, command: readonly string[]): Promise<unknown>
  /** Refuses what comes from now on, and waits for what came before. */
  close(): Promise<void>
  readonly isClosed: () => boolean
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
  /** The keys that the command writes to or reads; undefined: any. */
  readonly keys: readonly string[]
}

// About a millisecond of work at the server, which does nothing else meanwhile.
const MAX_READS = 256
// What is left goes a turn later, behind the input and output that came meanwhile.
const MAX_ITEMS = 1024

/** Gathers what is asked, and sends it. */
export function createCalls(wire: Wire): Calls {
  const shas = shasOf()
  let isClosed = false
  let underWay = 0
  const idlers: (() => void)[] = []
  const turns = createTurns<Get | Run>((items) => wire.send(batchOf(items)), { maxItems: MAX_ITEMS })
  const end = (): void => {
    underWay -= 1
    if (underWay === 0) for (const resolve of idlers.splice(0)) resolve()
  }
  /** Every call passes here: it is counted, and its reply is read by the caller's function. */
  const start = <R>(
    make: (resolve: (read: () => R) => void, fail: (error: unknown) => void) => Get | Run,
  ): Promise<R> =>
    new Promise((resolve, reject) => {
      if (isClosed) return reject(new SessionError('closed', 'redis: the store is closed'))
      wire.check()
      underWay += 1
      const fail = (error: unknown): void => {
        end()
        reject(asSessionError(error))
      }
      const settle = (read: () => R): void => {
        try {
          const result = read()
          end()
          resolve(result)
        } catch (error) {
          fail(error)
        }
      }
      turns.add(make(settle, fail))
    })

  const scripted = (script: ScriptName, keys: readonly string[], args: readonly string[], fail: Sent['fail']) => {
    const tail = [String(keys.length), ...keys, ...args]
    return {
      command: ['EVALSHA', shas[script], ...tail],
      // The server has lost its scripts, or never had them. What it refused, it has not done.
      fail: (error: unknown, done: Sent['done']) => {
        if (!isNoScript(error)) return fail(error)
        wire.send([{ key: keys[0] ?? '', command: ['EVAL', SCRIPTS[script], ...tail], done, fail }])
      },
    }
  }

  return {
    get: (epochKey, key, read) =>
      start((resolve, fail) => ({
        kind: 'get',
        epochKey,
        key,
        settle: (value, epoch) => resolve(() => read(epoch === undefined ? undefined : value, epoch ?? '')),
        fail,
      })),
    run: (script, keys, args, read) =>
      start((resolve, fail) => {
        const done = (reply: unknown): void => resolve(() => read(reply))
        const { command, fail: failOrLoad } = scripted(script, keys, args, fail)
        const sent = { key: keys[0] ?? '', command, done, fail: (error: unknown) => failOrLoad(error, done) }
        return { kind: 'run', sent, keys, fail }
      }),
    ask: (key, command) =>
      start((resolve, fail) => {
        const sent = { key, command, done: (reply: unknown) => resolve(() => reply), fail }
        return { kind: 'run', sent, keys: [key], fail }
      }),
    async close() {
      isClosed = true
      if (underWay > 0) await new Promise<void>((resolve) => idlers.push(resolve))
    },
    isClosed: () => isClosed,
  }
}

function shasOf(): Readonly<Record<ScriptName, string>> {
  const entries = Object.entries(SCRIPTS).map(([name, text]) => [name, createHash('sha1').update(text).digest('hex')])
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the names are those of SCRIPTS
  return Object.fromEntries(entries) as Record<ScriptName, string>
}

/** Reads of one epoch become one command, which leaves before the first write to one of their keys. */
function batchOf(items: readonly (Get | Run)[]): readonly Sent[] {
  const batch: Sent[] = []
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
    batch.push(item.sent)
  }
  for (const [epochKey, gets] of groups) flush(epochKey, gets)
  return batch
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
