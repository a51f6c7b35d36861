import type { TurnItem } from '../shared/turn.ts'
import type { StepName } from './scripts.ts'
import { damaged } from './values.ts'
import type { Sent } from './wire.ts'

/** A read or a change of one session that may travel with others of its kind. */
export interface Member extends TurnItem {
  readonly kind: 'get' | StepName
  readonly epochKey: string
  readonly key: string
  readonly args: readonly string[]
  /** Gets the epoch too when it is a read and there is one. */
  readonly done: (reply: unknown, epoch?: string) => void
}

/** Anything else. */
export interface Run extends TurnItem {
  readonly kind: 'run'
  readonly sent: Sent
  readonly keys: readonly string[]
  readonly isDecisive: boolean
}

/** How the commands are made and sent. */
export interface BatchOptions {
  readonly isApart: (run: Run) => boolean
  /** The command for several items of one script: behind the epoch a key for each, and the arguments of all. */
  readonly stepsOf: (script: Steps, answers: Pick<Sent, 'done' | 'fail'>) => Sent
}

interface Steps {
  readonly script: StepName
  readonly keys: readonly string[]
  readonly args: readonly string[]
}

// About a millisecond of work at the server, which does nothing else meanwhile.
const MOST: Readonly<Record<Member['kind'], number>> = { get: 256, update: 100, touch: 100 }
const MOST_TEXT = 256 * 1024

/** What leaves as one command. */
interface Group {
  readonly kind: Member['kind']
  readonly epochKey: string
  readonly members: Member[]
  readonly keys: Set<string>
  /** How many characters the arguments have together. */
  text: number
}

/**
 * Reads of one epoch become one command, and so do updates and touches. A group leaves before anything else that is done
 * to one of its keys: so no two groups that wait have a key in common, and it does not matter which of them is first.
 */
export function batchOf(
  items: readonly (Member | Run)[],
  { isApart, stepsOf }: BatchOptions,
): { readonly batch: readonly Sent[]; readonly apart: readonly Sent[] } {
  const batch: Sent[] = []
  const apart: Sent[] = []
  // By the epoch and then by the kind.
  const waiting = new Map<string, Map<Member['kind'], Group>>()
  const flush = (group: Group): void => {
    waiting.get(group.epochKey)?.delete(group.kind)
    batch.push(group.kind === 'get' ? readOf(group) : changeOf(group, group.kind, stepsOf))
  }
  const flushThose = (epochKey: string, isDue: (group: Group) => boolean): void => {
    for (const group of waiting.get(epochKey)?.values() ?? []) if (isDue(group)) flush(group)
  }
  for (const item of items) {
    if (item.kind === 'run') {
      // A script about a subject may end any of the group's sessions; one about a session names its keys.
      const isOfAll = item.keys.some((name) => name.endsWith(':u:'))
      flushThose(item.sent.key, ({ keys }) => isOfAll || item.keys.some((key) => keys.has(key)))
      if (isApart(item)) apart.push(item.sent)
      else batch.push(item.sent)
      continue
    }
    const text = item.args.reduce((sum, { length }) => sum + length, 0)
    flushThose(item.epochKey, (group) => (group.kind === item.kind ? isFull(group, text) : group.keys.has(item.key)))
    addTo(waiting, item, text)
  }
  for (const epochKey of waiting.keys()) flushThose(epochKey, () => true)
  return { batch, apart }
}

function isFull({ kind, members, text }: Group, more: number): boolean {
  return members.length >= MOST[kind] || text + more > MOST_TEXT
}

function addTo(waiting: Map<string, Map<Member['kind'], Group>>, member: Member, text: number): void {
  const { kind, epochKey, key } = member
  const ofEpoch = waiting.get(epochKey) ?? new Map<Member['kind'], Group>()
  const group = ofEpoch.get(kind) ?? { kind, epochKey, members: [], keys: new Set(), text: 0 }
  waiting.set(epochKey, ofEpoch.set(kind, group))
  group.members.push(member)
  group.keys.add(key)
  group.text += text
}

function readOf({ epochKey, members }: Group): Sent {
  const fail = failAll(members)
  return {
    key: epochKey,
    command: ['MGET', epochKey, ...members.map(({ key }) => key)],
    done(reply) {
      if (!isListOf(reply, members.length + 1)) return fail(damaged())
      const [epoch, ...values] = reply
      if (epoch !== null && typeof epoch !== 'string') return fail(damaged())
      for (const [n, { done }] of members.entries()) done(values[n], epoch ?? undefined)
    },
    fail,
  }
}

function changeOf({ epochKey, members }: Group, script: StepName, stepsOf: BatchOptions['stepsOf']): Sent {
  const fail = failAll(members)
  const keys = [epochKey, ...members.map(({ key }) => key)]
  const args = members.flatMap((member) => member.args)
  const done = (replies: unknown): void => {
    if (!isListOf(replies, members.length)) return fail(damaged())
    for (const [n, member] of members.entries()) {
      const reply = replies[n]
      // A list is what an item failed with.
      if (Array.isArray(reply)) member.fail(new Error(String(reply[0])))
      else member.done(reply)
    }
  }
  return stepsOf({ script, keys, args }, { done, fail })
}

function failAll(members: readonly Member[]): (error: unknown) => void {
  return (error) => {
    for (const { fail } of members) fail(error)
  }
}

function isListOf(reply: unknown, length: number): reply is readonly unknown[] {
  return Array.isArray(reply) && reply.length === length
}
