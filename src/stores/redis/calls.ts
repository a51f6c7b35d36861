import { createHash } from 'node:crypto'
import { createTurns, type Turns } from '../shared/turn.ts'
import { batchOf, type BatchOptions, type Member, type Run } from './batch.ts'
import { isMoving, isNoScript } from './faults.ts'
import { patiently, type Retry } from './moving.ts'
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
  const turns = gather(wire.send, sendDecisive, sentOf)

  return {
    get: (epochKey, key, read) =>
      pending.promise((resolve, fail) => {
        const done = (value: unknown, epoch = ''): void => resolve(() => read(valueIn(value, epoch), epoch))
        addMember(turns, { kind: 'get', args: [], done }, [epochKey, key], fail)
      }),
    step: ({ kind, place, args }, read) =>
      pending.promise((resolve, fail) => {
        addMember(turns, { kind, args, done: (reply) => resolve(() => read(reply)) }, place, fail)
      }),
    run: (call, read) =>
      pending.promise((resolve, fail) => {
        const done = (reply: unknown): void => resolve(() => read(reply))
        const { keys, isDecisive = false } = call
        addAgain((retry) => {
          const sent = sentOf(call, { done, fail: retry }, isDecisive ? sendDecisive : wire.send)
          turns.add({ kind: 'run', sent, keys, isDecisive, fail })
        }, fail)
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

type Gathering = Turns<Member | Run>

function gather(send: Send, sendDecisive: Send, sentOf: ReturnType<typeof createScripts>): Gathering {
  const isApart = ({ isDecisive }: Run): boolean => isDecisive && sendDecisive !== send
  const stepsOf: BatchOptions['stepsOf'] = (script, answers) => sentOf(script, answers, send)
  const sendAll = (items: readonly (Member | Run)[]): void => {
    const { batch, apart } = batchOf(items, { isApart, stepsOf })
    send(batch)
    if (apart.length > 0) sendDecisive(apart)
  }
  return createTurns(sendAll, { maxItems: MAX_ITEMS })
}

function addMember(
  turns: Gathering,
  { kind, args, done }: Pick<Member, 'kind' | 'args' | 'done'>,
  [epochKey, key]: Step['place'],
  fail: Sent['fail'],
): void {
  const member: Member = {
    kind,
    epochKey,
    key,
    args,
    isAlone: false,
    done,
    fail: (error) => (isMoving(error) ? addAlone(turns, member, fail) : fail(error)),
  }
  turns.add(member)
}

/** After an answer that may be about a neighbour's key. */
function addAlone(turns: Gathering, member: Member, fail: Sent['fail']): void {
  addAgain((retry) => turns.add({ ...member, isAlone: true, fail: retry }), fail)
}

function addAgain(add: (retry: Retry) => void, fail: Sent['fail']): void {
  const again = (): void => add(retry)
  const retry = patiently(again, fail)
  again()
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
