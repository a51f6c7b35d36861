import { utf8Length } from '#platform'
import { SessionError } from '../errors.ts'

/** One cookie with everything that goes into its `Set-Cookie` line. */
export interface Cookie {
  readonly name: string
  readonly value: string
  readonly path: string
  /** Without it only the host that set the cookie gets it back. */
  readonly domain?: string
  /** Seconds; above 400 days it is cut to 400 days, as browsers do. */
  readonly maxAge?: number
  /** Epoch milliseconds. */
  readonly expires?: number
  readonly secure: boolean
  readonly httpOnly: boolean
  readonly sameSite: 'lax' | 'strict' | 'none'
  readonly partitioned?: boolean
  readonly priority?: 'low' | 'medium' | 'high'
}

/** What a scan of a `Cookie` header found. */
export interface CookieScan {
  /** Values of exactly the name asked for, in the order of the header. */
  readonly values: readonly string[]
  /** How many characters were looked at. */
  readonly scanned: number
  /** Whether the scan stopped at a limit, with the rest of the header unread. */
  readonly isCapped: boolean
}

/** The longest lifetime that browsers keep: 400 days, in seconds (RFC 6265bis section 5.5). */
export const MAX_COOKIE_AGE = 34_560_000
/** Browsers drop a cookie whose name and value are longer than this many bytes together. */
export const MAX_COOKIE_BYTES = 4096

const MAX_ATTRIBUTE_BYTES = 1024
const MAX_HEADER_LENGTH = 16_384
const MAX_PAIRS = 1000
// One value is the rule and two different ones already decide that none counts; more would only be work for an attacker to order.
const MAX_VALUES = 8

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const COOKIE_OCTETS = /^[\x21\x23-\x2B\x2D-\x3A\x3C-\x5B\x5D-\x7E]*$/
const DOMAIN = /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/
const PATH = /^\/[\x21-\x2B\x2D-\x3A\x3C-\x7E]*$/
// The longer one first: `__Host-Http-` also begins with `__Host-`.
const PREFIX = /^__(?:Host-Http|Host|Secure|Http)-/i
const PREFIX_LIKE = /^(?:__+(?:host|secure|http)|_?(?:host|secure|http)(?:http)?(?:-|__))/i

const SAME_SITE = new Map<unknown, string>([
  ['lax', 'Lax'],
  ['strict', 'Strict'],
  ['none', 'None'],
])
const PRIORITY = new Map<unknown, string>([
  ['low', 'Low'],
  ['medium', 'Medium'],
  ['high', 'High'],
])

/**
 * Finds a cookie's values in a `Cookie` header, byte by byte as sent: names are neither trimmed of anything but space and
 * tab nor unquoted nor decoded, because each such kindness once let another cookie pass for a `__Host-` one.
 * Linear in the header's length, and bounded.
 */
export function scanCookies(header: string, name: string): CookieScan {
  const values: string[] = []
  const end = Math.min(header.length, MAX_HEADER_LENGTH)
  let start = 0
  for (let pairs = 0; start < end && pairs < MAX_PAIRS && values.length < MAX_VALUES; pairs += 1) {
    const semicolon = header.indexOf(';', start)
    const stop = semicolon < 0 ? header.length : semicolon
    // A pair that the limit cuts in two is not a shorter value.
    if (stop > end) break
    const value = valueOfPair(header, start, stop, name)
    if (value !== undefined) values.push(value)
    start = stop + 1
  }
  return { values, scanned: Math.min(start, header.length), isCapped: start < header.length }
}

function valueOfPair(header: string, start: number, stop: number, name: string): string | undefined {
  const nameStart = skipBlanks(header, start, stop)
  if (!header.startsWith(name, nameStart)) return undefined
  const equals = skipBlanks(header, nameStart + name.length, stop)
  if (equals >= stop || header.charAt(equals) !== '=') return undefined
  return trimBlanks(header, equals + 1, stop)
}

function skipBlanks(text: string, from: number, to: number): number {
  let at = from
  while (at < to && isBlank(text.charCodeAt(at))) at += 1
  return at
}

function trimBlanks(text: string, from: number, to: number): string {
  const start = skipBlanks(text, from, to)
  let end = to
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** The name of the cookie that a `Set-Cookie` line sets; undefined when the line sets a nameless one. */
export function cookieNameOf(setCookieLine: string): string | undefined {
  const semicolon = setCookieLine.indexOf(';')
  const pair = semicolon < 0 ? setCookieLine : setCookieLine.slice(0, semicolon)
  const equals = pair.indexOf('=')
  const name = equals < 0 ? '' : trimBlanks(pair, 0, equals)
  return name === '' ? undefined : name
}

/**
 * The `Set-Cookie` lines of a response after new ones are added: one line for each new name, the last one given;
 * all other lines as they were.
 */
export function mergeSetCookie(existing: readonly string[], lines: readonly string[]): readonly string[] {
  const latest = new Map(lines.map((line) => [cookieNameOf(line), line]))
  return [...existing.filter((line) => !latest.has(cookieNameOf(line))), ...latest.values()]
}

/** The name without `__Host-`, `__Secure-`, `__Http-` or `__Host-Http-`. */
export function withoutPrefix(name: string): string {
  return name.replace(PREFIX, '')
}

/**
 * Writes a `Set-Cookie` line. Everything is checked here and not only by type: an attribute may come from configuration,
 * and one `;` in it would set another attribute.
 */
export function serializeCookie(cookie: Cookie): string {
  checkName(cookie.name)
  checkPrefix(cookie)
  const parts = [pairOf(cookie), `Path=${checkedPath(cookie.path)}`]
  if (cookie.domain !== undefined) parts.push(`Domain=${checkedDomain(cookie.domain)}`)
  if (cookie.maxAge !== undefined) parts.push(`Max-Age=${checkedAge(cookie.maxAge)}`)
  if (cookie.expires !== undefined) parts.push(`Expires=${fixdate(cookie.expires)}`)
  if (cookie.secure) parts.push('Secure')
  if (cookie.httpOnly) parts.push('HttpOnly')
  parts.push(`SameSite=${checkedSameSite(cookie)}`)
  if (isPartitioned(cookie)) parts.push('Partitioned')
  if (cookie.priority !== undefined) parts.push(`Priority=${checkedPriority(cookie.priority)}`)
  return parts.join('; ')
}

function checkName(name: string): void {
  if (typeof name !== 'string' || !TOKEN.test(name)) {
    throw new TypeError("cookie: name must be an HTTP token: letters, digits and !#$%&'*+-.^_`|~ only")
  }
  if (withoutPrefix(name) === '') throw new TypeError('cookie: name is only a prefix; add a name, such as __Host-id')
  if (PREFIX_LIKE.test(name) && !PREFIX.test(name)) {
    throw new TypeError(
      `cookie: name "${name.slice(0, 64)}" looks like a misspelt prefix; ` +
        'write __Host-, __Secure-, __Http- or __Host-Http-, or choose another name',
    )
  }
}

// Browsers compare prefixes without regard to case, so any spelling has to keep the rules.
function checkPrefix(cookie: Cookie): void {
  const prefix = PREFIX.exec(cookie.name)?.[0]
  if (prefix === undefined) return
  if (!cookie.secure) throw new TypeError(`cookie: secure must be on for a name with ${prefix}; or drop the prefix`)
  if (/http-$/i.test(prefix) && !cookie.httpOnly) {
    throw new TypeError(`cookie: httpOnly must be on for a name with ${prefix}; or drop the prefix`)
  }
  if (!/^__host-/i.test(prefix)) return
  if (cookie.domain !== undefined) {
    throw new TypeError(`cookie: domain cannot be set for a name with ${prefix}; use a name with __Secure-`)
  }
  if (cookie.path !== '/') {
    throw new TypeError(`cookie: path must be / for a name with ${prefix}; use a name with __Secure-`)
  }
}

function pairOf(cookie: Cookie): string {
  const { name, value } = cookie
  if (typeof value !== 'string' || !COOKIE_OCTETS.test(value)) {
    throw new TypeError('cookie: value has a character that a cookie cannot carry')
  }
  if (name.length + value.length > MAX_COOKIE_BYTES) {
    throw new SessionError('too-large', `cookie: name and value are over ${MAX_COOKIE_BYTES} bytes; browsers drop it`)
  }
  return `${name}=${value}`
}

function checkedPath(path: string): string {
  checkLength('path', path)
  if (PATH.test(path)) return path
  throw new TypeError('cookie: path must begin with / and be ASCII without space, comma and semicolon')
}

function checkedDomain(domain: string): string {
  checkLength('domain', domain)
  if (DOMAIN.test(domain)) return domain
  throw new TypeError('cookie: domain must be a plain host name, such as example.com')
}

function checkLength(attribute: string, value: string): void {
  if (typeof value !== 'string') throw new TypeError(`cookie: ${attribute} must be a string`)
  if (utf8Length(value) > MAX_ATTRIBUTE_BYTES) {
    throw new TypeError(`cookie: ${attribute} is over ${MAX_ATTRIBUTE_BYTES} bytes, which browsers ignore; shorten it`)
  }
}

function checkedAge(seconds: number): number {
  if (Number.isSafeInteger(seconds) && seconds >= 0) return Math.min(seconds, MAX_COOKIE_AGE)
  throw new TypeError('cookie: maxAge must be a whole number of seconds, zero or more')
}

// toUTCString gives the IMF-fixdate of RFC 9110 for the four-digit years, the only form that all clients agree on.
function fixdate(at: number): string {
  const date = new Date(at)
  const year = date.getUTCFullYear()
  if (year >= 1601 && year <= 9999) return date.toUTCString()
  throw new TypeError('cookie: expires must be milliseconds, between the years 1601 and 9999')
}

function checkedSameSite(cookie: Cookie): string {
  const written = SAME_SITE.get(cookie.sameSite)
  if (written === undefined) throw new TypeError("cookie: sameSite must be 'lax', 'strict' or 'none'")
  if (cookie.sameSite === 'none' && !cookie.secure) {
    throw new TypeError("cookie: sameSite 'none' needs a secure cookie, or browsers drop it; use 'lax' over plain http")
  }
  return written
}

function isPartitioned(cookie: Cookie): boolean {
  if (cookie.partitioned !== true) return false
  if (!cookie.secure) throw new TypeError('cookie: partitioned needs a secure cookie; leave it out over plain http')
  return true
}

function checkedPriority(priority: string): string {
  const written = PRIORITY.get(priority)
  if (written === undefined) throw new TypeError("cookie: priority must be 'low', 'medium' or 'high'")
  return written
}
