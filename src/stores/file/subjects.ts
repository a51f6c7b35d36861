import type { SessionRecord } from '../../core/store.ts'
import { hashOf } from './entry.ts'
import { carryOut } from './journal.ts'
import type { LiveEntry, Place } from './records.ts'
import { end, entriesOf, holding } from './records.ts'

export function listBySubject(place: Place, subject: string): Promise<readonly SessionRecord[]> {
  return holding(place, subject, [], async (marked) => {
    const { live } = await entriesOf(place, subject, marked)
    return live.map(({ value }) => value)
  })
}

export function deleteByHandle(place: Place, subject: string, handle: string): Promise<boolean> {
  return holding(place, subject, [], async (marked) => {
    const { live } = await entriesOf(place, subject, marked)
    const found = live.find(({ value }) => value.handle === handle)
    if (found === undefined) return false
    await end(place, found)
    return true
  })
}

/** Files that cannot be read go too: nobody can tell whether they were excepted, and nobody can use them. */
export function deleteBySubject(place: Place, subject: string, except: string | undefined): Promise<number> {
  return holding(place, subject, [], async (marked) => {
    const { live, damaged } = await entriesOf(place, subject, marked)
    const victims = live.filter(({ value }) => value.handle !== except)
    await endTogether(place, subject, victims, damaged)
    return victims.length
  })
}

/** Once the intent is written a crash between two of them ends the rest at the next start. */
async function endTogether(
  place: Place,
  subject: string,
  victims: readonly LiveEntry[],
  damaged: readonly string[],
): Promise<void> {
  const hashes = [...victims.map(({ key }) => hashOf(key)), ...damaged]
  const [only] = victims
  if (hashes.length === 1 && only !== undefined) await end(place, only)
  else if (hashes.length > 0) await carryOut(place.directory.shelf, { kind: 'ending', subject, hashes })
  if (hashes.length > 1) for (const { key } of victims) place.directory.watchers.tell({ kind: 'ended', key })
}
