import { SessionError } from '../../core/errors.ts'
import type { StoreKey } from '../../core/key.ts'
import { isStoreKey } from '../../core/key.ts'
import type { SessionRecord, Tombstone } from '../../core/store.ts'
import { original } from '../shared/texts.ts'

interface Row {
  readonly state: string
  readonly version: number
  readonly handle: string | null
  readonly subject: string | null
  readonly created_at: number
  readonly seen_at: number
  readonly expires_at: number
  readonly moved_to: string | null
  readonly meta: string
  readonly data: string
}

/** The record or mark in a row. */
export function entryIn(row: unknown): SessionRecord | Tombstone {
  if (!isRow(row)) throw damaged()
  const expiresAt = row.expires_at
  if (row.state === 'dead') return { state: 'dead', expiresAt }
  if (row.state === 'moved' && row.moved_to !== null && isStoreKey(row.moved_to)) {
    return { state: 'moved', to: row.moved_to, expiresAt }
  }
  return recordIn(row)
}

/** The live record in a row. */
export function recordIn(row: unknown): SessionRecord {
  if (!isRow(row) || row.state !== 'live' || row.handle === null) throw damaged()
  return {
    state: 'live',
    version: row.version,
    handle: textIn(row.handle),
    ...(row.subject === null ? {} : { subject: textIn(row.subject) }),
    createdAt: row.created_at,
    seenAt: row.seen_at,
    expiresAt: row.expires_at,
    meta: textIn(row.meta),
    data: textIn(row.data),
  }
}

/** The key in a row. */
export function keyIn(row: unknown): StoreKey {
  if (typeof row === 'object' && row !== null && 'key' in row && typeof row.key === 'string' && isStoreKey(row.key)) {
    return row.key
  }
  throw damaged()
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

function textIn(column: string): string {
  const text = original(column)
  if (text === undefined) throw damaged()
  return text
}

function isRow(value: unknown): value is Row {
  return (
    typeof value === 'object' &&
    value !== null &&
    'state' in value &&
    typeof value.state === 'string' &&
    'version' in value &&
    typeof value.version === 'number' &&
    'handle' in value &&
    isTextOrNull(value.handle) &&
    'subject' in value &&
    isTextOrNull(value.subject) &&
    'created_at' in value &&
    typeof value.created_at === 'number' &&
    'seen_at' in value &&
    typeof value.seen_at === 'number' &&
    'expires_at' in value &&
    typeof value.expires_at === 'number' &&
    'moved_to' in value &&
    isTextOrNull(value.moved_to) &&
    'meta' in value &&
    typeof value.meta === 'string' &&
    'data' in value &&
    typeof value.data === 'string'
  )
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}

function damaged(): SessionError {
  return new SessionError('undecodable', 'sqlite: a row does not hold what this store writes; was it edited by hand?')
}
