import type { StoreKey } from '../../../../src/core/key.ts'
import type { SessionRecord, Tombstone } from '../../../../src/core/store.ts'
import type { Disk, FullStore } from '../../../../src/testing/wrong/reference.ts'
import { referenceStore } from '../../../../src/testing/wrong/reference.ts'
import type { CallEntry, Entry } from '../history.ts'

/** How a record under a key came to its end. */
export interface Death {
  readonly seq: number
  readonly request: number | undefined
  /** Whether only the request that began it can have known of it, so that nobody had a newer token in its place. */
  readonly wasUnknown: boolean
}

/** What the store must have done and held, by its contract: the calls of a history, replayed one after the other. */
export interface Model {
  /** Goes on to this moment. */
  moveTo(at: number): void
  /** The live record under the key. */
  live(key: string): SessionRecord | undefined
  all(): ReadonlyMap<StoreKey, SessionRecord>
  /** Makes the call, and tells what the store had to answer. */
  apply(call: CallEntry & Pick<Entry, 'seq'>): Promise<unknown>
  death(key: string): Death | undefined
  /** The mark under the key at this moment. */
  mark(key: string): Tombstone | undefined
  /** Whether a record was ever stored under that key, or had that handle. */
  wasKnown(keyOrHandle: string): boolean
}

export function newModel(): Model {
  let now = 0
  const disk: Disk = new Map()
  const store = referenceStore(() => now, disk)
  const deaths = new Map<string, Death>()
  const known = new Set<string>()
  /** Which request a key comes from, as long as no other has used it and no mark leads there. */
  const owners = new Map<string, number | undefined>()

  const all = (): ReadonlyMap<StoreKey, SessionRecord> => {
    const live = new Map<StoreKey, SessionRecord>()
    for (const [key, entry] of disk) if (entry.state === 'live' && entry.expiresAt > now) live.set(key, entry)
    return live
  }
  return {
    moveTo: (at) => void (now = at),
    live: (key) => all().get(key as StoreKey),
    all,
    async apply(call) {
      const before = all()
      const answer = await ask(store, call)
      const [used] = call.args
      if (typeof used === 'string' && owners.get(used) !== call.request) owners.delete(used)
      for (const [key, { subject }] of before) {
        const wasUnknown = owners.has(key) && subject === undefined
        if (disk.get(key)?.state !== 'live') deaths.set(key, { seq: call.seq, request: call.request, wasUnknown })
      }
      const [made, ...names] = namesIn(call)
      if (made !== undefined && !isMarked(call)) owners.set(made, call.request)
      for (const name of names) known.add(name)
      if (made !== undefined) known.add(made)
      return answer
    },
    death: (key) => deaths.get(key),
    mark: (key) => {
      const entry = disk.get(key as StoreKey)
      return entry === undefined || entry.state === 'live' || entry.expiresAt <= now ? undefined : entry
    },
    wasKnown: (keyOrHandle) => known.has(keyOrHandle),
  }
}

/** Keys and handles that a call brought into the store. */
function namesIn({ method, args, answer }: CallEntry): readonly string[] {
  const { outcome } = (answer ?? {}) as { readonly outcome?: string }
  if (method === 'insert' && outcome === 'inserted') {
    const [key, record] = args as [string, SessionRecord]
    return [key, record.handle]
  }
  if (method !== 'rotate' || outcome !== 'rotated') return []
  const [, , key, record] = args as [string, number, string, SessionRecord]
  return [key, record.handle]
}

/** Whether a mark leads from the old key to the new one. */
function isMarked({ method, args: [, , , , options] }: CallEntry): boolean {
  const { tombstone } = (options ?? {}) as { readonly tombstone?: Tombstone }
  return method === 'rotate' && tombstone?.state === 'moved'
}

async function ask(store: FullStore, { method, args }: CallEntry): Promise<unknown> {
  if (method === 'scan' || method === 'close' || method === 'sweep') return undefined
  const answer: unknown = await Reflect.apply(store[method], store, structuredClone(args))
  return answer
}
