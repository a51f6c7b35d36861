import { SessionError } from '../../core/errors.ts'
import type { StoreKey } from '../../core/key.ts'
import { isStoreKey } from '../../core/key.ts'
import type { SessionRecord, Tombstone } from '../../core/store.ts'
import type { Row } from './client.ts'

// Values stand in the statement itself: numbers, keys of a known shape, and bytes in hexadecimal. No `sql_mode` and no
// character set of the connection changes the meaning of these; a text between quotes would end elsewhere under
// NO_BACKSLASH_ESCAPES.

/** @throws TypeError for what is no whole number. */
export function whole(value: number): number {
  if (!Number.isSafeInteger(value)) throw new TypeError('mysql: versions and times must be whole numbers')
  return value
}

/** A whole number as it stands in a statement. @throws TypeError for what is none. */
export function int(value: number): string {
  return String(whole(value))
}

/** A text as it stands in a statement; `NULL` for none. */
export function bytes(text: string | undefined): string {
  return text === undefined ? 'NULL' : `X'${Buffer.from(text, 'utf8').toString('hex')}'`
}

/** A key as it stands in a statement. */
export function quoted(key: StoreKey): string {
  return `'${checkedKey(key)}'`
}

/** @throws TypeError for what has not the shape of a store key: there is no row for it, and it might be anything. */
export function checkedKey(key: StoreKey): StoreKey {
  if (!isStoreKey(key)) throw new TypeError('mysql: not a store key')
  return key
}

/** The record's columns as the procedures take them. */
export function recordValues({
  version,
  handle,
  subject,
  createdAt,
  seenAt,
  expiresAt,
  meta,
  data,
}: SessionRecord): string {
  checkLength('handle', handle, 255)
  if (subject !== undefined) checkLength('subject', subject, 1024)
  const times = `${int(createdAt)}, ${int(seenAt)}, ${int(expiresAt)}`
  return `${int(version)}, ${bytes(handle)}, ${bytes(subject)}, ${times}, ${bytes(meta)}, ${bytes(data)}`
}

/** The mark's columns as the procedures take them. */
export function markValues(mark: Tombstone | undefined): string {
  if (mark === undefined) return 'NULL, NULL, 0'
  return `'${mark.state}', ${mark.state === 'moved' ? quoted(mark.to) : 'NULL'}, ${int(mark.expiresAt)}`
}

// A server that is not strict would cut what is too long, and two users could become one.
function checkLength(name: string, text: string, most: number): void {
  if (text.length * 3 > most && Buffer.byteLength(text) > most) {
    throw new SessionError('too-large', `mysql: the ${name} takes more than ${most} bytes`)
  }
}

/** The record or mark in a row whose columns begin at `at`. */
export function entryIn(row: Row, at: number): SessionRecord | Tombstone {
  const state = textIn(row[at])
  const expiresAt = numberIn(row[at + 6])
  if (state === 'live') return liveIn(row, at)
  if (state === 'dead') return { state, expiresAt }
  const to = textIn(row[at + 7])
  if (state === 'moved' && isStoreKey(to)) return { state, to, expiresAt }
  throw damaged()
}

/** The live record in a row whose columns begin at `at`. */
export function recordIn(row: Row, at: number): SessionRecord {
  if (textIn(row[at]) !== 'live') throw damaged()
  return liveIn(row, at)
}

function liveIn(row: Row, at: number): SessionRecord {
  const subject = row[at + 3]
  const record = {
    state: 'live' as const,
    version: numberIn(row[at + 1]),
    handle: textIn(row[at + 2]),
    createdAt: numberIn(row[at + 4]),
    seenAt: numberIn(row[at + 5]),
    expiresAt: numberIn(row[at + 6]),
    meta: textIn(row[at + 8]),
    data: textIn(row[at + 9]),
  }
  return subject === null ? record : { ...record, subject: textIn(subject) }
}

/** The key in a column. */
export function keyIn(value: unknown): StoreKey {
  const key = textIn(value)
  if (isStoreKey(key)) return key
  throw damaged()
}

/** Columns of bytes come as buffers, and as texts where the pool has a `typeCast` of its own. */
export function textIn(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString('utf8')
  if (typeof value === 'string') return value
  throw damaged()
}

/** Numbers come as such, or as texts where the pool has `bigNumberStrings`. */
export function numberIn(value: unknown): number {
  if (typeof value === 'number') return value
  const number = Number(typeof value === 'bigint' ? value : textIn(value))
  if (Number.isSafeInteger(number)) return number
  throw damaged()
}

function damaged(): SessionError {
  return new SessionError('undecodable', 'mysql: a row does not hold what this store writes; was it edited by hand?')
}
