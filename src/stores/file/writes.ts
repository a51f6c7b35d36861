import type { StoreKey } from '../../core/key.ts'
import type {
  InsertResult,
  RotateResult,
  SessionRecord,
  SubjectCap,
  Tombstone,
  UpdateResult,
} from '../../core/store.ts'
import type { Entry } from './entry.ts'
import { hashOf } from './entry.ts'
import { carryOut } from './journal.ts'
import type { LiveEntry, Place } from './records.ts'
import { current, currentOrDamaged, end, entriesOf, holding, isLive } from './records.ts'

/** Nothing else may happen to the keys meanwhile: each of these is one atomic step. */

export function insert(place: Place, next: LiveEntry, cap: SubjectCap | undefined): Promise<InsertResult> {
  const hash = hashOf(next.key)
  const { shelf } = place.directory
  const { subject } = next.value
  return holding(place, subject, [hash], async (marked) => {
    if ((await current(place, hash)) !== undefined) return { outcome: 'exists' }
    const surplus = await surplusOf(place, next, cap, marked)
    if (surplus === undefined) return { outcome: 'limit' }
    // The marker first: a session that no list shows would outlive the end of all of its user's sessions.
    if (subject !== undefined) await shelf.addMarker(subject, hash, 'durable')
    await shelf.write(next, 'durable')
    return { outcome: 'inserted', evicted: await evict(place, surplus) }
  })
}

export function update(place: Place, key: StoreKey, version: number, record: SessionRecord): Promise<UpdateResult> {
  const hash = hashOf(key)
  const { locks, shelf } = place.directory
  return locks.run([hash], async () => {
    const found = await current(place, hash)
    if (!isLive(found)) return gone(found)
    if (found.value.version !== version) return { outcome: 'conflict', current: found.value }
    const { subject } = found.value
    // Heals an index that lost the session, such as that of a directory restored from a copy.
    if (subject !== undefined) await shelf.addMarker(subject, hash, 'cheap')
    await shelf.write({ key, value: withSubject(record, subject) }, 'cheap')
    return { outcome: 'updated' }
  })
}

export function touch(place: Place, key: StoreKey, seenAt: number, expiresAt: number): Promise<boolean> {
  const hash = hashOf(key)
  const { locks, shelf } = place.directory
  return locks.run([hash], async () => {
    const found = await current(place, hash)
    if (!isLive(found)) return false
    const { value } = found
    if (seenAt <= value.seenAt && expiresAt <= value.expiresAt) return true
    const times = { seenAt: Math.max(value.seenAt, seenAt), expiresAt: Math.max(value.expiresAt, expiresAt) }
    await shelf.write({ key, value: { ...value, ...times } }, 'cheap')
    return true
  })
}

/** What a rotation is to do. */
export interface RotationRequest {
  readonly key: StoreKey
  readonly version: number
  readonly next: LiveEntry
  readonly tombstone: Tombstone | undefined
  readonly cap: SubjectCap | undefined
}

export function rotate(place: Place, request: RotationRequest): Promise<RotateResult> {
  const { key, version, next, tombstone, cap } = request
  const [from, to] = [hashOf(key), hashOf(next.key)]
  return holding(place, next.value.subject, [from, to], async (marked) => {
    const old = await current(place, from)
    if (!isLive(old)) return gone(old)
    if (old.value.version !== version) return { outcome: 'conflict', current: old.value }
    if ((await current(place, to)) !== undefined) return { outcome: 'exists' }
    const others = marked.filter((hash) => hash !== from)
    const surplus = await surplusOf(place, next, cap, others)
    if (surplus === undefined) return { outcome: 'limit' }
    const mark = tombstone && { key, value: tombstone }
    await carryOut(place.directory.shelf, { kind: 'rotation', from, version, subject: old.value.subject, next, mark })
    place.directory.watchers.tell({ kind: 'ended', key })
    return { outcome: 'rotated', evicted: await evict(place, surplus) }
  })
}

/** A damaged file is removed; it was no live record. */
export function remove(place: Place, key: StoreKey, tombstone: Tombstone | undefined): Promise<boolean> {
  const hash = hashOf(key)
  const { locks, shelf, watchers } = place.directory
  return locks.run([hash], async () => {
    const found = await currentOrDamaged(place, hash)
    if (found === 'damaged') await shelf.remove(hash, 'durable')
    if (found === 'damaged' || !isLive(found)) return false
    if (tombstone === undefined) {
      await end(place, found)
      return true
    }
    await shelf.write({ key, value: tombstone }, 'durable')
    if (found.value.subject !== undefined) await shelf.removeMarker(found.value.subject, hash)
    watchers.tell({ kind: 'ended', key })
    return true
  })
}

function gone(entry: Entry | undefined): UpdateResult & { readonly outcome: 'gone' } {
  if (entry === undefined || entry.value.state === 'live') return { outcome: 'gone' }
  return { outcome: 'gone', tombstone: entry.value }
}

function withSubject(record: SessionRecord, subject: string | undefined): SessionRecord {
  const { subject: _, ...rest } = record
  return subject === undefined ? rest : { ...rest, subject }
}

/** The sessions that the cap ends when `next` comes; undefined when it refuses `next`. */
async function surplusOf(
  place: Place,
  { value: { subject } }: LiveEntry,
  cap: SubjectCap | undefined,
  marked: readonly string[],
): Promise<readonly LiveEntry[] | undefined> {
  if (cap === undefined || subject === undefined) return []
  const { live } = await entriesOf(place, subject, marked)
  const surplus = Math.max(0, live.length + 1 - cap.max)
  if (surplus > 0 && cap.onLimit === 'reject') return undefined
  return live.slice(0, surplus)
}

/** After the new session is there: when that fails, nobody was logged out for nothing. */
async function evict(place: Place, surplus: readonly LiveEntry[]): Promise<readonly string[]> {
  for (const entry of surplus) await end(place, entry)
  return surplus.map(({ value }) => value.handle)
}
