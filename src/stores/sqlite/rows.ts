import { SessionError } from '../../core/errors.ts'
import type { StoreKey } from '../../core/key.ts'
import { isStoreKey } from '../../core/key.ts'
import type { SessionRecord, Tombstone } from '../../core/store.ts'
import { original } from '../shared/texts.ts'

/** The record or mark in a row of the columns of `sql.ts`. */
export function entryIn(row: unknown): SessionRecord | Tombstone {
  const [state, , , , , , expiresAt, movedTo] = cellsOf(row)
  if (state === 'live') return recordIn(row)
  if (typeof expiresAt !== 'number') throw damaged()
  if (state === 'dead') return { state, expiresAt }
  if (state === 'moved' && typeof movedTo === 'string' && isStoreKey(movedTo)) return { state, to: movedTo, expiresAt }
  throw damaged()
}

/** The live record in a row of the same columns. */
export function recordIn(row: unknown): SessionRecord {
  const [state, version, handle, subject, createdAt, seenAt, expiresAt, , meta, data] = cellsOf(row)
  if (state !== 'live') throw damaged()
  return {
    state,
    version: integer(version),
    handle: textIn(handle),
    ...(subject === null ? {} : { subject: textIn(subject) }),
    createdAt: integer(createdAt),
    seenAt: integer(seenAt),
    expiresAt: integer(expiresAt),
    meta: textIn(meta),
    data: textIn(data),
  }
}

/** The key in a row in which it follows the columns of a record. */
export function keyIn(row: unknown): StoreKey {
  const key = cellsOf(row)[10]
  if (typeof key === 'string' && isStoreKey(key)) return key
  throw damaged()
}

// A list where the driver gives one when asked: an object of ten columns costs half as much again as the whole query.
function cellsOf(row: unknown): readonly unknown[] {
  if (Array.isArray(row)) return row
  return typeof row === 'object' && row !== null ? Object.values(row) : []
}

/** The number in the column `n` of a row; undefined for NULL. */
export function numberIn(row: unknown, column: 'n' | 'id' | 'schema' = 'n'): number | undefined {
  const value: unknown = typeof row === 'object' && row !== null ? Reflect.get(row, column) : undefined
  return typeof value === 'number' ? value : undefined
}

/** The handle in a row. */
export function handleIn(row: unknown): string {
  if (typeof row === 'object' && row !== null && 'handle' in row && typeof row.handle === 'string') {
    return textIn(row.handle)
  }
  throw damaged()
}

function textIn(cell: unknown): string {
  const text = typeof cell === 'string' ? original(cell) : undefined
  if (text === undefined) throw damaged()
  return text
}

function integer(cell: unknown): number {
  if (typeof cell !== 'number') throw damaged()
  return cell
}

function damaged(): SessionError {
  return new SessionError('undecodable', 'sqlite: a row does not hold what this store writes; was it edited by hand?')
}
