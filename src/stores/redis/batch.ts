import type { TurnItem } from '../shared/turn.ts'
import { damaged } from './values.ts'
import type { Sent } from './wire.ts'

/** A read that may travel with others. */
export interface Get extends TurnItem {
  readonly kind: 'get'
  readonly epochKey: string
  readonly key: string
  readonly settle: (value: string | undefined, epoch: string | undefined) => void
}

/** Anything else. */
export interface Run extends TurnItem {
  readonly kind: 'run'
  readonly sent: Sent
  readonly keys: readonly string[]
  readonly isDecisive: boolean
}

// About a millisecond of work at the server, which does nothing else meanwhile.
const MAX_READS = 256

/** Reads of one epoch become one command, which leaves before the first write to one of their keys. */
export function batchOf(
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
