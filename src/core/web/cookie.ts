import { SessionError } from '../errors.ts'
import { assertOption, checkChoice, checkedCount } from '../options.ts'

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
 * The `Set-Cookie` lines of a response after new ones are added: none of the new names is left from before, and of new
 * lines for the same cookie the last one counts; all other lines as they were.
 */
export function mergeSetCookie(existing: readonly string[], lines: readonly string[]): readonly string[] {
  const names = new Set(lines.map(cookieNameOf))
  const latest = new Map(lines.map((line) => [identityOf(line), line]))
  return [...existing.filter((line) => !names.has(cookieNameOf(line))), ...latest.values()]
}

// Browsers keep cookies of one name apart by these (RFC 6265bis section 5.7; CHIPS).
function identityOf(line: string): string {
  const scope = line.split(/; */).filter((part) => /^(?:path=|domain=|partitioned$)/i.test(part))
  return [cookieNameOf(line), ...scope.toSorted()].join(';')
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
  const { path, domain, maxAge, expires, sameSite, priority } = cookie
  checkName(cookie.name)
  checkPrefix(cookie)
  checkSecure(cookie)
  const parts = [pairOf(cookie), `Path=${checked('path', path, PATH, PATH_RULE)}`]
  if (domain !== undefined) parts.push(`Domain=${checked('domain', domain, DOMAIN, DOMAIN_RULE)}`)
  if (maxAge !== undefined) parts.push(`Max-Age=${Math.min(checkedCount('cookie.maxAge', maxAge, 0), MAX_COOKIE_AGE)}`)
  if (expires !== undefined) parts.push(`Expires=${fixdate(expires)}`)
  if (cookie.secure) parts.push('Secure')
  if (cookie.httpOnly) parts.push('HttpOnly')
  parts.push(`SameSite=${oneOf('sameSite', sameSite, ['lax', 'strict', 'none'])}`)
  if (cookie.partitioned === true) parts.push('Partitioned')
  if (priority !== undefined) parts.push(`Priority=${oneOf('priority', priority, ['low', 'medium', 'high'])}`)
  return parts.join('; ')
}

function checkName(name: string): void {
  const isToken = typeof name === 'string' && TOKEN.test(name)
  assertOption(isToken, "cookie.name: expected letters, digits and !#$%&'*+-.^_`|~ only")
  assertOption(withoutPrefix(name) !== '', 'cookie.name: only a prefix; add a name, such as __Host-id')
  assertOption(
    PREFIX.test(name) || !PREFIX_LIKE.test(name),
    `cookie.name: "${name.slice(0, 64)}" looks like a misspelt prefix; ` +
      'write __Host-, __Secure-, __Http- or __Host-Http-, or choose another name',
  )
}

// Browsers compare prefixes without regard to case, so any spelling has to keep the rules.
function checkPrefix({ name, secure, httpOnly, domain, path }: Cookie): void {
  const prefix = PREFIX.exec(name)?.[0]
  if (prefix === undefined) return
  const forName = `for a name with ${prefix}`
  assertOption(secure, `cookie.secure: must be on ${forName}; or drop the prefix`)
  assertOption(httpOnly || !/http-$/i.test(prefix), `cookie.httpOnly: must be on ${forName}; or drop the prefix`)
  if (!/^__host-/i.test(prefix)) return
  assertOption(domain === undefined, `cookie.domain: cannot be set ${forName}; use a name with __Secure-`)
  assertOption(path === '/', `cookie.path: must be / ${forName}; use a name with __Secure-`)
}

function checkSecure({ secure, sameSite, partitioned }: Cookie): void {
  if (secure) return
  assertOption(sameSite !== 'none', "cookie.sameSite: 'none' needs a secure cookie; use 'lax' over plain http")
  assertOption(partitioned !== true, 'cookie.partitioned: needs a secure cookie; leave it out over plain http')
}

function pairOf({ name, value }: Cookie): string {
  const canTravel = typeof value === 'string' && COOKIE_OCTETS.test(value)
  assertOption(canTravel, 'cookie.value: has a character that a cookie cannot carry')
  if (name.length + value.length <= MAX_COOKIE_BYTES) return `${name}=${value}`
  throw new SessionError('too-large', `cookie: name and value are over ${MAX_COOKIE_BYTES} bytes; browsers drop it`)
}

const PATH_RULE = 'ASCII that begins with /, without space, comma and semicolon'
const DOMAIN_RULE = 'a plain host name, such as example.com'

function checked(attribute: string, value: string, shape: RegExp, rule: string): string {
  assertOption(typeof value === 'string' && shape.test(value), `cookie.${attribute}: expected ${rule}`)
  const isKept = value.length <= MAX_ATTRIBUTE_BYTES
  assertOption(isKept, `cookie.${attribute}: over ${MAX_ATTRIBUTE_BYTES} bytes, so browsers ignore it; shorten it`)
  return value
}

// toUTCString gives the IMF-fixdate of RFC 9110 for the four-digit years, the only form that all clients agree on.
function fixdate(at: number): string {
  const date = new Date(at)
  const year = date.getUTCFullYear()
  assertOption(year >= 1601 && year <= 9999, 'cookie.expires: expected milliseconds, in the years 1601 to 9999')
  return date.toUTCString()
}

/** The choice as it is usually written: `lax` is `Lax`. */
function oneOf(attribute: string, value: string, choices: readonly string[]): string {
  checkChoice(`cookie.${attribute}`, value, choices)
  return value.charAt(0).toUpperCase() + value.slice(1)
}
