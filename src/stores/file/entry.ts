import { createHash } from 'node:crypto'
import { SessionError } from '../../core/errors.ts'
import type { StoreKey } from '../../core/key.ts'
import type { SessionRecord, Tombstone } from '../../core/store.ts'

/** What one file holds. */
export interface Entry {
  readonly key: StoreKey
  readonly value: SessionRecord | Tombstone
}

const FORMAT = 1

/** 64 lower-case hexadecimal digits: a safe file name whatever the text is, and different for `A` and `a` on any disk. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

export function encodeEntry({ key, value }: Entry): string {
  return JSON.stringify({ format: FORMAT, key, ...value })
}

/** The one place where file content becomes an entry. */
export function decodeEntry(text: string): Entry {
  const fields = parseObject(text)
  const { format, key, state } = fields
  if (format !== FORMAT || !isKey(key)) throw damaged('is not a session of this format')
  if (state === 'live') return { key, value: decodeRecord(fields) }
  const expiresAt = numberOf(fields, 'expiresAt')
  if (state === 'dead') return { key, value: { state, expiresAt } }
  const { to } = fields
  if (state === 'moved' && isKey(to)) return { key, value: { state, to, expiresAt } }
  throw damaged('has an unknown state')
}

/** A JSON object, or the error of a damaged file. */
export function parseObject(text: string): Readonly<Record<string, unknown>> {
  const value = parseJson(text)
  if (isObject(value)) return value
  throw damaged('is not an object')
}

export function numberOf(fields: Readonly<Record<string, unknown>>, name: string): number {
  const value = fields[name]
  if (typeof value !== 'number') throw damaged(`lacks ${name}`)
  return value
}

export function stringOf(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw damaged(`lacks ${name}`)
  return value
}

/** Names no content: it may be anything. */
export function damaged(what: string, cause?: unknown): SessionError {
  return new SessionError('undecodable', `file: a session file ${what}`, { cause })
}

function decodeRecord(fields: Readonly<Record<string, unknown>>): SessionRecord {
  const record: SessionRecord = {
    state: 'live',
    version: numberOf(fields, 'version'),
    handle: stringOf(fields, 'handle'),
    createdAt: numberOf(fields, 'createdAt'),
    seenAt: numberOf(fields, 'seenAt'),
    expiresAt: numberOf(fields, 'expiresAt'),
    meta: stringOf(fields, 'meta'),
    data: stringOf(fields, 'data'),
  }
  return fields['subject'] === undefined ? record : { ...record, subject: stringOf(fields, 'subject') }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // The parser's message quotes what it read, which may be session data.
    throw damaged('is not JSON', new Error(error instanceof Error ? error.name : 'unknown error'))
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The shape is not checked: whoever reads a file compares the hash of the key with the file's name. */
function isKey(value: unknown): value is StoreKey {
  return typeof value === 'string'
}
