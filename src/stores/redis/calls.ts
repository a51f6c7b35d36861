import { createHash } from 'node:crypto'
import { createTurns } from '../shared/turn.ts'
import { batchOf, type BatchOptions, type Member, type Run } from './batch.ts'
import { isNoScript } from './faults.ts'
import { createPending } from './pending.ts'
import { SCRIPTS, type ScriptName, type StepName } from './scripts.ts'
import { damaged } from './values.ts'
import type { Command, Sent, Wire } from './wire.ts'

/** A change of one session that may travel with others. */
export interface Step {
  readonly kind: StepName
  readonly place: readonly [epochKey: string, key: string]
  readonly args: readonly string[]
}

/** A script and what it works on. */
export interface ScriptCall {
  readonly script: Exclude<ScriptName, StepName>
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
  /** One item of a script that takes several; sent together with others that share the epoch. */
  step<R>(step: Step, read: (reply: unknown) => R): Promise<R>
  run<R>(call: ScriptCall, read: (reply: unknown) => R): Promise<R>
  /** Sends a command that is no script. */
  ask(key: string, command: Command): Promise<unknown>
  /** @throws SessionError when the store is closed, or the client has no connection and looks for none. */
  check(): void
  /** Refuses what comes from now on, and waits for what came before. */
  close(): Promise<void>
}

type Send = Wire['send']

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
  const sentOf = createScripts()
  const pending = createPending(wire, options.onFirst)
  const isApart = ({ isDecisive }: Run): boolean => isDecisive && sendDecisive !== wire.send
  const stepsOf: BatchOptions['stepsOf'] = (script, answers) => sentOf(script, answers, wire.send)
  const send = (items: readonly (Member | Run)[]): void => {
    const { batch, apart } = batchOf(items, { isApart, stepsOf })
    wire.send(batch)
    if (apart.length > 0) sendDecisive(apart)
  }
  const turns = createTurns(send, { maxItems: MAX_ITEMS })

  return {
    get: (epochKey, key, read) =>
      pending.promise((resolve, fail) => {
        const done = (value: unknown, epoch = ''): void => resolve(() => read(valueIn(value, epoch), epoch))
        turns.add({ kind: 'get', epochKey, key, args: [], done, fail })
      }),
    step: ({ kind, place: [epochKey, key], args }, read) =>
      pending.promise((resolve, fail) => {
        turns.add({ kind, epochKey, key, args, done: (reply) => resolve(() => read(reply)), fail })
      }),
    run: (call, read) =>
      pending.promise((resolve, fail) => {
        const answers = { done: (reply: unknown) => resolve(() => read(reply)), fail }
        const sent = sentOf(call, answers, call.isDecisive === true ? sendDecisive : wire.send)
        turns.add({ kind: 'run', sent, keys: call.keys, isDecisive: call.isDecisive === true, fail })
      }),
    ask: (key, command) =>
      pending.promise((resolve, fail) => {
        const sent = { key, command, done: (reply: unknown) => resolve(() => reply), fail }
        turns.add({ kind: 'run', sent, keys: [key], isDecisive: false, fail })
      }),
    check: pending.check,
    close: pending.close,
  }
}

type Answers = Pick<Sent, 'done' | 'fail'>

type Script = Omit<ScriptCall, 'script' | 'isDecisive'> & { readonly script: ScriptName }

/** Makes commands of scripts: by their hash, and whole, by `send`, where the server does not know that. */
function createScripts(): (call: Script, answers: Answers, send: Send) => Sent {
  const shas = shasOf()
  return ({ script, keys, args }, { done, fail }, send) => {
    const key = keys[0] ?? ''
    const tail = [String(keys.length), ...keys, ...args]
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

function valueIn(value: unknown, epoch: string): string | undefined {
  if (value === null || epoch === '') return undefined
  if (typeof value !== 'string') throw damaged()
  return value
}

function shasOf(): Readonly<Record<ScriptName, string>> {
  const entries = Object.entries(SCRIPTS).map(([name, text]) => [name, createHash('sha1').update(text).digest('hex')])
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the names are those of SCRIPTS
  return Object.fromEntries(entries) as Record<ScriptName, string>
}
