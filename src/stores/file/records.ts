import type { Clock } from '../../core/clock.ts'
import { isSessionError } from '../../core/errors.ts'
import type { SessionRecord } from '../../core/store.ts'
import type { Directory } from './directory.ts'
import { subjectLock } from './directory.ts'
import type { Entry } from './entry.ts'
import { hashOf } from './entry.ts'
import type { Shelf } from './shelf.ts'

/** A directory and a clock: all that a call needs. */
export interface Place {
  readonly directory: Directory
  readonly now: Clock
}

export type LiveEntry = Entry & { readonly value: SessionRecord }

export function isLive(entry: Entry | undefined): entry is LiveEntry {
  return entry?.value.state === 'live'
}

/** What is under the hash and has not expired; what has expired is removed. The caller holds the lock of the hash. */
export async function current(place: Place, hash: string): Promise<Entry | undefined> {
  return await unexpired(place, await place.directory.shelf.read(hash))
}

/** As {@link current}, with a word in place of the error of a damaged file. */
export async function currentOrDamaged(place: Place, hash: string): Promise<Entry | 'damaged' | undefined> {
  const entry = await readOrDamaged(place.directory.shelf, hash)
  return entry === 'damaged' ? entry : await unexpired(place, entry)
}

export async function readOrDamaged(shelf: Shelf, hash: string): Promise<Entry | 'damaged' | undefined> {
  try {
    return await shelf.read(hash)
  } catch (error) {
    if (isSessionError(error) && error.code === 'undecodable') return 'damaged'
    throw error
  }
}

async function unexpired({ directory, now }: Place, entry: Entry | undefined): Promise<Entry | undefined> {
  if (entry === undefined || entry.value.expiresAt > now()) return entry
  await discard(directory.shelf, entry)
  return undefined
}

/** Removes a record that nobody can see any more; the next sweep repeats it if a power cut undoes it. */
export async function discard(shelf: Shelf, { key, value }: Entry): Promise<void> {
  const hash = hashOf(key)
  await shelf.remove(hash, 'cheap')
  if (value.state === 'live' && value.subject !== undefined) await shelf.removeMarker(value.subject, hash)
}

/** Ends a live session for good. */
export async function end({ directory: { shelf, watchers } }: Place, { key, value }: LiveEntry): Promise<void> {
  const hash = hashOf(key)
  await shelf.remove(hash, 'durable')
  if (value.subject !== undefined) await shelf.removeMarker(value.subject, hash)
  watchers.tell({ kind: 'ended', key })
}

/** Runs `fn` while nobody else may change these keys, begin or end a session of the subject, or change one of them. */
export async function holding<Result>(
  { directory: { locks, shelf } }: Place,
  subject: string | undefined,
  hashes: readonly string[],
  fn: (marked: readonly string[]) => Promise<Result>,
): Promise<Result> {
  if (subject === undefined) return await locks.run(hashes, () => fn([]))
  return await locks.run([subjectLock(subject)], async () => {
    const marked = await shelf.markersOf(subject)
    return await locks.run([...hashes, ...marked], () => fn(marked))
  })
}

export interface SubjectEntries {
  /** Oldest `createdAt` first. */
  readonly live: readonly LiveEntry[]
  /** Hashes of files that cannot be read. */
  readonly damaged: readonly string[]
}

/** The subject's sessions among the marked ones. A marker that leads to nothing of the subject is removed. */
export async function entriesOf(place: Place, subject: string, marked: readonly string[]): Promise<SubjectEntries> {
  const live: LiveEntry[] = []
  const damaged: string[] = []
  for (const hash of marked) {
    const entry = await currentOrDamaged(place, hash)
    if (entry === 'damaged') damaged.push(hash)
    else if (isLive(entry) && entry.value.subject === subject) live.push(entry)
    else await place.directory.shelf.removeMarker(subject, hash)
  }
  return { live: live.toSorted((a, b) => a.value.createdAt - b.value.createdAt), damaged }
}
