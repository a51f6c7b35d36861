import { sha256 } from '#platform'
import { assertOption } from '../../core/options.ts'

/** Which tables and functions are meant. */
export interface Place {
  /** @defaultValue 'sojourn_sessions' */
  readonly table?: string | undefined
  /** @defaultValue the first schema of the connection's search path in which the table is */
  readonly schema?: string | undefined
}

/** The quoted names of everything that one store has in a database. */
export interface Names {
  readonly schema: string | undefined
  /** The bare name of the table. */
  readonly table: string
  /** The quoted name of the table, with the schema if one was given, and `suffix` behind its name. */
  readonly of: (suffix?: string) => string
  /** The quoted name of an index: it lies in the schema of its table by itself. */
  readonly index: (suffix: string) => string
  /** Where notices are told; unquoted. */
  readonly channel: string
  /** A lock of this store's own among the advisory locks of the database, as a decimal number. */
  readonly lock: (purpose: string) => string
}

/** The names of a place, which was checked. */
export function namesOf({ table = 'sojourn_sessions', schema }: Place): Names {
  const prefix = schema === undefined ? '' : `"${schema}".`
  const identity = `${schema ?? ''}.${table}`
  return {
    schema,
    table,
    of: (suffix = '') => `${prefix}"${table}${suffix}"`,
    index: (suffix) => `"${table}${suffix}"`,
    channel: `sojourn_${numberOf(sha256(`sojourn:channel:${identity}`)).toString(36)}`,
    lock: (purpose) => String(numberOf(sha256(`sojourn:${purpose}:${identity}`))),
  }
}

/** @throws TypeError when a name would need more than quotation marks. */
export function checkPlace(where: string, { table, schema }: Place): void {
  // PostgreSQL cuts names at 63 bytes, and the longest suffix of a table's name has 20.
  checkName(`${where}: table`, table, 40)
  checkName(`${where}: schema`, schema, 63)
}

function checkName(option: string, name: unknown, longest: number): void {
  const isGood = typeof name === 'string' && name.length <= longest && /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
  assertOption(
    name === undefined || isGood,
    `${option}: expected at most ${longest} letters, digits and _, without a digit at the beginning`,
  )
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The first 60 bits of a digest in base64url. */
function numberOf(digest: string): bigint {
  return Array.from(digest.slice(0, 10)).reduce((number, digit) => number * 64n + BigInt(ALPHABET.indexOf(digit)), 0n)
}
