import { SessionError } from '../../core/errors.ts'
import type { StoreKey } from '../../core/key.ts'
import { isStoreKey } from '../../core/key.ts'
import type { SessionRecord, Tombstone } from '../../core/store.ts'
import { original } from '../shared/texts.ts'
import type { Row } from './database.ts'

/** The record or mark in a row, whose columns are those of `RECORD` from `start` on; undefined where it has none. */
export function entryIn(row: Row, start: number): SessionRecord | Tombstone | undefined {
  const state = row[start]
  if (state === 'live') return recordIn(row, start)
  if (state === null) return undefined
  const expiresAt = numberIn(row[start + 4])
  if (state === 'dead') return { state, expiresAt }
  if (state === 'moved') return { state, to: keyIn(row[start + 7]), expiresAt }
  throw damaged()
}

/** The live record in a row. */
export function recordIn(row: Row, start: number): SessionRecord {
  const subject = row[start + 6]
  const record = {
    state: 'live',
    version: numberIn(row[start + 1]),
    handle: textIn(row[start + 5]),
    createdAt: numberIn(row[start + 2]),
    seenAt: numberIn(row[start + 3]),
    expiresAt: numberIn(row[start + 4]),
    meta: textIn(row[start + 8]),
    data: textIn(row[start + 9]),
  } as const
  return subject === null ? record : { ...record, subject: textIn(subject) }
}

/** The key in a column. */
export function keyIn(value: unknown): StoreKey {
  if (typeof value === 'string' && isStoreKey(value)) return value
  throw damaged()
}

/** The number in a column. Clients give a bigint as text, as a number or as a bigint, and applications may change which. */
export function numberIn(value: unknown): number {
  const number = typeof value === 'number' ? value : Number(value)
  if (Number.isSafeInteger(number)) return number
  throw damaged()
}

/** The handles in a column that holds a list of them. */
export function handlesIn(value: unknown): readonly string[] {
  if (value === null) return []
  const list: unknown = typeof value === 'string' ? JSON.parse(value) : undefined
  if (!Array.isArray(list)) throw damaged()
  return list.map(textIn)
}

function textIn(value: unknown): string {
  const text = typeof value === 'string' ? original(value) : undefined
  if (text === undefined) throw damaged()
  return text
}

/** The error for what no version of this store writes. */
export function damaged(): SessionError {
  return new SessionError('undecodable', 'postgres: a row does not hold what this store writes; was it edited by hand?')
}
