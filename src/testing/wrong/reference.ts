import type { Clock } from '../../core/clock.ts'
import { SessionError } from '../../core/errors.ts'
import type { StoreKey } from '../../core/key.ts'
import type {
  ClearableStore,
  ClosableStore,
  DurableStore,
  InsertResult,
  RotateResult,
  ScannableStore,
  SessionRecord,
  Store,
  SubjectCap,
  SubjectStore,
  StoreNotice,
  SweepableStore,
  Tombstone,
  WatchableStore,
} from '../../core/store.ts'

/** What lies in a reference store; hand the same map to another one to open it again. */
export type Disk = Map<StoreKey, SessionRecord | Tombstone>

export type FullStore = Store &
  SubjectStore &
  ClearableStore &
  SweepableStore &
  ScannableStore &
  WatchableStore &
  DurableStore &
  ClosableStore

/**
 * The store contract in the fewest words: correct, slow, for the kit's own tests and as the ground of the wrong stores.
 * Each method runs to its end without waiting, which makes it one step.
 */
export function referenceStore(now: Clock, disk: Disk = new Map()): FullStore {
  let isClosed = false
  const held = heldOn(disk, now)
  const step = async <R>(fn: () => R): Promise<R> => {
    if (isClosed) throw new SessionError('closed', 'reference: the store is closed')
    return fn()
  }
  return {
    name: 'reference',
    get: (key) => step(() => copyOf(held.at(key))),
    insert: (key, record, cap) => step(() => insert(held, key, { ...record }, cap)),
    update: (key, version, record) =>
      step(() => {
        const miss = held.missAt(key, version)
        if (miss !== undefined) return miss
        disk.set(key, { ...record, ...subjectOf(held.liveAt(key)) })
        return { outcome: 'updated' }
      }),
    touch: (key, seenAt, expiresAt) =>
      step(() => {
        const record = held.liveAt(key)
        if (record === undefined) return false
        const times = { seenAt: Math.max(seenAt, record.seenAt), expiresAt: Math.max(expiresAt, record.expiresAt) }
        disk.set(key, { ...record, ...times })
        return true
      }),
    rotate: (key, version, newKey, record, options) =>
      step((): RotateResult => held.missAt(key, version) ?? rotate(held, key, newKey, { ...record }, options)),
    delete: (key, tombstone) => step(() => held.end(key, tombstone)),
    ...subjectsOf(held, step),
    ...upkeepOf(held, step),
    ...newsOf(held, step),
    close: async () => {
      isClosed = true
    },
  }
}

type Held = ReturnType<typeof heldOn>
type Step = <R>(fn: () => R) => Promise<R>

function heldOn(disk: Disk, now: Clock) {
  const at = (key: StoreKey): SessionRecord | Tombstone | undefined => {
    const entry = disk.get(key)
    return entry !== undefined && entry.expiresAt > now() ? entry : undefined
  }
  const liveAt = (key: StoreKey): SessionRecord | undefined => {
    const entry = at(key)
    return entry?.state === 'live' ? entry : undefined
  }
  const missAt = (key: StoreKey, version: number) => {
    const entry = at(key)
    if (entry === undefined) return { outcome: 'gone' as const }
    if (entry.state !== 'live') return { outcome: 'gone' as const, tombstone: { ...entry } }
    return entry.version === version ? undefined : { outcome: 'conflict' as const, current: { ...entry } }
  }
  const end = (key: StoreKey, tombstone?: Tombstone): boolean => {
    if (liveAt(key) === undefined) return false
    tell({ kind: 'ended', key })
    if (tombstone === undefined) disk.delete(key)
    else disk.set(key, { ...tombstone })
    return true
  }
  const listeners = new Set<(notice: StoreNotice) => void>()
  const tell = (notice: StoreNotice): void => listeners.forEach((listener) => listener(notice))
  const live = (): (readonly [StoreKey, SessionRecord])[] =>
    [...disk.keys()].flatMap((key) => {
      const record = liveAt(key)
      return record === undefined ? [] : [[key, record] as const]
    })
  const liveOf = (subject: string | undefined) =>
    live()
      .filter(([, record]) => subject !== undefined && record.subject === subject)
      .toSorted(([, a], [, b]) => a.createdAt - b.createdAt)
  return { disk, now, at, liveAt, missAt, end, live, liveOf, listeners, tell }
}

function insert(held: Held, key: StoreKey, record: SessionRecord, cap?: SubjectCap, replaced?: StoreKey): InsertResult {
  if (held.at(key) !== undefined) return { outcome: 'exists' }
  const others = cap === undefined ? [] : held.liveOf(record.subject).filter(([other]) => other !== replaced)
  const surplus = cap === undefined ? 0 : Math.max(0, others.length + 1 - cap.max)
  if (cap?.onLimit === 'reject' && surplus > 0) return { outcome: 'limit' }
  const victims = others.slice(0, surplus)
  for (const [victim] of victims) held.end(victim)
  held.disk.set(key, record)
  return { outcome: 'inserted', evicted: victims.map(([, { handle }]) => handle) }
}

function rotate(
  held: Held,
  key: StoreKey,
  newKey: StoreKey,
  record: SessionRecord,
  options?: { readonly tombstone?: Tombstone; readonly cap?: SubjectCap },
): RotateResult {
  const result = insert(held, newKey, record, options?.cap, key)
  if (result.outcome !== 'inserted') return result
  held.end(key, options?.tombstone)
  return { outcome: 'rotated', evicted: result.evicted }
}

function subjectsOf(held: Held, step: Step): SubjectStore {
  return {
    listBySubject: (subject) => step(() => held.liveOf(subject).map(([, record]) => ({ ...record }))),
    countBySubject: (subject) => step(() => held.liveOf(subject).length),
    deleteByHandle: (subject, handle) =>
      step(() => {
        const found = held.liveOf(subject).find(([, record]) => record.handle === handle)
        return found !== undefined && held.end(found[0])
      }),
    deleteBySubject: (subject, except) =>
      step(() => {
        const ended = held.liveOf(subject).filter(([, { handle }]) => handle !== except)
        return ended.filter(([key]) => held.end(key)).length
      }),
  }
}

function upkeepOf(held: Held, step: Step): ClearableStore & SweepableStore & ScannableStore {
  return {
    clear: () =>
      step(() => {
        held.disk.clear()
        held.tell({ kind: 'cleared' })
      }),
    sweep: (limit) =>
      step(() => {
        const expired = [...held.disk.keys()].filter((key) => held.at(key) === undefined)
        for (const key of expired.slice(0, limit)) held.disk.delete(key)
        return { removed: Math.min(limit, expired.length), isDone: expired.length <= limit }
      }),
    scan: async function* (options) {
      const pageSize = options?.pageSize ?? 100
      let after = ''
      for (;;) {
        const rest = (await step(held.live)).filter(([key]) => key > after).toSorted(([a], [b]) => (a < b ? -1 : 1))
        const page = rest.slice(0, pageSize).map(([key, record]) => [key, { ...record }] as const)
        const last = page.at(-1)
        if (last === undefined) return
        yield page
        after = last[0]
      }
    },
  }
}

function newsOf({ listeners }: Held, step: Step): WatchableStore & DurableStore {
  const all = { processCrash: Infinity, machineCrash: Infinity, failover: Infinity }
  return {
    watch: (listener) =>
      step(() => {
        const own = (notice: StoreNotice): void => listener(notice)
        listeners.add(own)
        return async () => void listeners.delete(own)
      }),
    durability: { decisive: all, saves: all, touches: all, words: 'reference: kept in the memory of the process' },
  }
}

function copyOf<T extends object>(entry: T | undefined): T | undefined {
  return entry === undefined ? undefined : { ...entry }
}

function subjectOf(record: SessionRecord | undefined): { readonly subject?: string } {
  return record?.subject === undefined ? {} : { subject: record.subject }
}
