import { SessionError } from '../../core/errors.ts'
import { isStoreKey } from '../../core/key.ts'
import type { SessionRecord, Tombstone } from '../../core/store.ts'

/*
 * A value is one text, of which the scripts read the head in place:
 *
 *   1 character    L: a live record, M and D: a mark (moved, dead)
 *   8              the epoch in which it was written
 *   15             expiresAt, all instants with leading zeros, so that they compare as text
 *   15, 15         of a record: seenAt, createdAt
 *   the rest       of a record: version, handle, subject, meta and data, a line each, the data to the end;
 *                  of M: the key that it leads to
 */
const EPOCH = 1
const EXPIRES_AT = 9
const SEEN_AT = 24
const CREATED_AT = 39
const REST = 54
const INSTANT_LENGTH = 15
const LIVE = 'L'

/**
 * How long what has expired is kept. The store's clock decides what has expired; the server only clears away. A clock that is
 * set back, or is behind the others, must not find that the server was first.
 */
export const SPARE_MS = 60_000

/** An instant as the values hold it. @throws TypeError unless it is a whole number of milliseconds. */
export function instant(at: number): string {
  if (!Number.isSafeInteger(at) || at < 0) throw new TypeError('redis: instants are whole milliseconds since 1970')
  return String(at).padStart(INSTANT_LENGTH, '0')
}

/** The clock's value as the scripts compare it. */
export function instantNow(at: number): string {
  return instant(Math.floor(at))
}

/**
 * A text as one line that is not empty. Handles, subjects and the engine's facts practically always stay as they are,
 * and JSON has no line ends.
 */
export function lineOf(text: string): string {
  return text === '' || text.startsWith('"') || text.includes('\n') ? JSON.stringify(text) : text
}

/** The text in a line. */
export function textOf(line: string): string {
  if (!line.startsWith('"')) return line
  const value = parsed(line)
  if (typeof value !== 'string') throw damaged()
  return value
}

function parsed(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line)
    return value
  } catch {
    return undefined
  }
}

/** The record, without state and epoch, which the script puts before it. */
export function textOfRecord(record: SessionRecord): string {
  const { version, handle, subject, createdAt, seenAt, expiresAt, meta, data } = record
  const times = instant(expiresAt) + instant(seenAt) + instant(createdAt)
  return `${times}${version}\n${lineOf(handle)}\n${subjectLine(subject)}\n${lineOf(meta)}\n${data}`
}

/** The line of the subject: empty for a record without. */
export function subjectLine(subject: string | undefined): string {
  return subject === undefined ? '' : lineOf(subject)
}

/** The mark without the epoch, which the script puts after the state. */
export function textOfMark(mark: Tombstone): string {
  return mark.state === 'moved' ? `M${instant(mark.expiresAt)}${mark.to}` : `D${instant(mark.expiresAt)}`
}

/** What is present under a key in this epoch at this instant. */
export function entryIn(value: string, epoch: string, at: number): SessionRecord | Tombstone | undefined {
  if (!value.startsWith(epoch, EPOCH)) return undefined
  const expiresAt = Number(value.slice(EXPIRES_AT, SEEN_AT))
  return expiresAt > at ? entryOf(value, expiresAt) : undefined
}

/** The record or mark in a value that a script found to be present. */
export function presentIn(value: string): SessionRecord | Tombstone {
  return entryOf(value, Number(value.slice(EXPIRES_AT, SEEN_AT)))
}

function entryOf(value: string, expiresAt: number): SessionRecord | Tombstone {
  if (value[0] === LIVE) return recordOf(value, expiresAt)
  if (value[0] === 'D') return { state: 'dead', expiresAt }
  const to = value.slice(SEEN_AT)
  if (value[0] === 'M' && isStoreKey(to)) return { state: 'moved', to, expiresAt }
  throw damaged()
}

function recordOf(value: string, expiresAt: number): SessionRecord {
  const handleAt = value.indexOf('\n', REST) + 1
  const subjectAt = value.indexOf('\n', handleAt) + 1
  const metaAt = value.indexOf('\n', subjectAt) + 1
  const dataAt = value.indexOf('\n', metaAt) + 1
  if (handleAt === 0 || subjectAt === 0 || metaAt === 0 || dataAt === 0) throw damaged()
  const subject = value.slice(subjectAt, metaAt - 1)
  return {
    state: 'live',
    version: Number(value.slice(REST, handleAt - 1)),
    handle: textOf(value.slice(handleAt, subjectAt - 1)),
    ...(subject === '' ? {} : { subject: textOf(subject) }),
    createdAt: Number(value.slice(CREATED_AT, REST)),
    seenAt: Number(value.slice(SEEN_AT, CREATED_AT)),
    expiresAt,
    meta: textOf(value.slice(metaAt, dataAt - 1)),
    data: value.slice(dataAt),
  }
}

/** For replies and values that this store never writes. */
export function damaged(): SessionError {
  return new SessionError(
    'undecodable',
    'redis: a key does not hold what this store writes; does another program use its prefix, ' +
      'or does the client map the types of replies?',
  )
}
