import type { Clock } from '../../core/clock.ts'
import type { StoreKey } from '../../core/key.ts'
import { partitionOfSubject } from '../../core/key.ts'
import type { SessionRecord, SubjectCap, Tombstone } from '../../core/store.ts'
import type { Calls } from './calls.ts'
import { type Names, tagOfKey } from './keys.ts'
import { instantNow, SPARE_MS, subjectLine, textOfMark, textOfRecord } from './values.ts'

/** What the operations are made of. */
export interface Parts {
  readonly calls: Calls
  readonly names: Names
  readonly now: Clock
  /** Whether a script reaches one slot only. */
  readonly hasSlots: boolean
}

// Redis takes no time to live that ends after the year 292,278,994.
const LONGEST_TTL_MS = 1e15

/** The time to live in the server: whole, positive, and relative, so that the server's clock does not matter. */
export function ttlUntil(expiresAt: number, at: number): string {
  return String(Math.min(Math.max(Math.ceil(expiresAt - at), 0) + SPARE_MS, LONGEST_TTL_MS))
}

/** The mark and its time to live as the scripts take them. */
export function markArgs(mark: Tombstone | undefined, at: number): readonly [string, string] {
  return mark === undefined ? ['', ''] : [textOfMark(mark), ttlUntil(mark.expiresAt, at)]
}

/** A cap; `later`: whoever is above it is ended by a call of its own. */
export interface CapArgument {
  readonly max: number
  readonly onLimit: SubjectCap['onLimit'] | 'later'
}

/** The limit as the scripts take it. */
export function capArgs(cap: CapArgument | undefined): readonly [string, string] {
  return cap === undefined ? ['', ''] : [String(cap.max), cap.onLimit]
}

/** The session's place: its epoch's key and its own. */
export function placeOf(names: Names, key: StoreKey): readonly [epochKey: string, recordKey: string] {
  return [names.epochKey(tagOfKey(key)), names.recordKey(key)]
}

/** Where a subject's sessions are would be unknown otherwise. @throws TypeError */
export function checkPartition(key: StoreKey, record: SessionRecord): void {
  if (record.subject === undefined || key.slice(3, 6) === partitionOfSubject(record.subject)) return
  throw new TypeError('redis: the key of a record with a subject must carry the partition of the subject')
}

/** The arguments of the script `insert`. */
export function insertArgs(record: SessionRecord, cap: CapArgument | undefined, at: number): readonly string[] {
  const { subject, expiresAt } = record
  return [instantNow(at), textOfRecord(record), ttlUntil(expiresAt, at), subjectLine(subject), ...capArgs(cap)]
}
