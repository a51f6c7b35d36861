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
  /** Travels with no other: of several keys one may be what the server cannot answer for. */
  readonly isAlone: boolean
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
    batch.push(group.kind === 'get' ? readOf(group) : changeOf(group, group.kind, stepsOf))
  }
  const flushThose = (epochKey: string, isDue: (group: Group) => boolean): void => {
    const groups = waiting.get(epochKey)
    for (const group of groups?.values() ?? []) {
      if (!isDue(group)) continue
      groups?.delete(group.kind)
      flush(group)
    }
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
    const isDue = (group: Group): boolean =>
      group.kind === item.kind && !item.isAlone ? isFull(group, text) : group.keys.has(item.key)
    flushThose(item.epochKey, isDue)
    if (item.isAlone && item.kind === 'get') batch.push(...readsOf(item))
    else if (item.isAlone) flush(groupOf(item, text))
    else addTo(waiting, item, text)
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
  waiting.set(epochKey, ofEpoch)
  const group = ofEpoch.get(kind)
  if (group === undefined) return void ofEpoch.set(kind, groupOf(member, text))
  group.members.push(member)
  group.keys.add(key)
  group.text += text
}

function groupOf(member: Member, text: number): Group {
  const { kind, epochKey, key } = member
  return { kind, epochKey, members: [member], keys: new Set([key]), text }
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

/** Of one key each: these a Cluster serves on either side while it moves their slot. */
function readsOf({ epochKey, key, done, fail }: Member): readonly Sent[] {
  const sent: Sent[] = []
  const ask = (name: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      sent.push({ key: name, command: ['GET', name], done: resolve, fail: reject })
    })
  // Epochs are used once: a session of an epoch that was there before or after was not ended in between.
  Promise.all([ask(epochKey), ask(key)]).then(([epoch, value]) => {
    if (epoch !== null && typeof epoch !== 'string') fail(damaged())
    else done(value, epoch ?? undefined)
  }, fail)
  return sent
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
