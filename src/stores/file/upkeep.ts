import { join } from 'node:path'
import type { StoreKey } from '../../core/key.ts'
import type { SessionRecord } from '../../core/store.ts'
import type { Place } from './records.ts'
import { currentOrDamaged, discard, isLive, readOrDamaged } from './records.ts'
import type { Position, Stretch } from './walk.ts'
import { walk } from './walk.ts'

/** How many files and folders a sweep looks at beyond those that it may remove: bounded when nothing has expired. */
const LOOKS_PER_SWEEP = 1_000

/** How many files are asked for their time at once. */
const STRETCH = 64

interface SweepResult {
  readonly removed: number
  readonly isDone: boolean
}

/**
 * Goes on where the last call stopped. It is done when a pass has seen every file that was there when the pass began.
 * A file is opened only when its modification time says that it has expired.
 */
export function sweep(place: Place, limit: number): Promise<SweepResult> {
  const { directory } = place
  return directory.locks.run(['sweep'], async () => {
    if (directory.sweepPosition === undefined) {
      await directory.shelf.clearTemporary()
      directory.emptyTrash()
    }
    let removed = 0
    let looks = 0
    for await (const stretch of walk(directory.shelf, directory.sweepPosition, STRETCH)) {
      const batch = await sweepStretch(place, stretch, limit - removed)
      directory.sweepPosition = batch.position
      removed += batch.removed
      looks += stretch.hashes.length + 1
      if (!batch.isWhole || removed >= limit || looks >= limit + LOOKS_PER_SWEEP) return { removed, isDone: false }
    }
    directory.sweepPosition = undefined
    return { removed, isDone: true }
  })
}

async function sweepStretch(
  place: Place,
  { folder, hashes, end }: Stretch,
  limit: number,
): Promise<{ readonly removed: number; readonly position: Position; readonly isWhole: boolean }> {
  const { disk } = place.directory.shelf
  const now = place.now()
  const times = await Promise.all(hashes.map((hash) => disk.modifiedAt(join(folder, `${hash}.json`))))
  const due = hashes.filter((_, index) => Math.floor(times[index] ?? Infinity) <= now)
  const batch = due.slice(0, limit)
  const results = await Promise.all(batch.map((hash) => removeIfOver(place, hash)))
  const isWhole = batch.length === due.length
  const position = isWhole ? end : { ...end, name: `${batch.at(-1) ?? ''}.json` }
  return { removed: results.filter(Boolean).length, position, isWhole }
}

/** Expired, or damaged: its time has come too. */
function removeIfOver({ directory: { locks, shelf }, now }: Place, hash: string): Promise<boolean> {
  return locks.run([hash], async () => {
    const entry = await readOrDamaged(shelf, hash)
    if (entry === 'damaged') return await shelf.remove(hash, 'cheap')
    if (entry === undefined || entry.value.expiresAt > now()) return false
    await discard(shelf, entry)
    return true
  })
}

/** Reads the session under the hash; undefined when it is not live. */
type Read = (hash: string) => Promise<readonly [StoreKey, SessionRecord] | undefined>

export async function* scan(
  place: Place,
  pageSize: number,
  read: Read,
): AsyncGenerator<readonly (readonly [StoreKey, SessionRecord])[]> {
  let page: (readonly [StoreKey, SessionRecord])[] = []
  for await (const { hashes } of walk(place.directory.shelf, undefined, pageSize)) {
    for (const hash of hashes) {
      const found = await read(hash)
      if (found !== undefined) page.push(found)
      if (page.length < pageSize) continue
      yield page
      page = []
    }
  }
  if (page.length > 0) yield page
}

/** A damaged file is passed over. */
export function readLive(place: Place, hash: string): ReturnType<Read> {
  return place.directory.locks.run([hash], async () => {
    const entry = await currentOrDamaged(place, hash)
    return entry !== 'damaged' && isLive(entry) ? ([entry.key, entry.value] as const) : undefined
  })
}
