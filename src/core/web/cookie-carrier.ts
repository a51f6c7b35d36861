import { isProduction } from '#platform'
import type { Carrier, RequestFacts } from './carrier.ts'
import type { Clock } from '../clock.ts'
import type { Cookie } from './cookie.ts'
import { MAX_COOKIE_AGE, MAX_COOKIE_BYTES, scanCookies, serializeCookie, withoutPrefix } from './cookie.ts'
import type { RetiredCookie } from './retired-cookies.ts'
import { retirementOf } from './retired-cookies.ts'
import { assertOption, checkClock, checkFlag, checkNames, checkObject, optionNames } from '../options.ts'

interface CommonOptions {
  /**
   * Whether the cookie outlives the browser: it then lasts until the session's absolute end, at most 400 days. A sign-in
   * may choose otherwise: `login(user, { persistent })`.
   * @defaultValue false
   */
  readonly persistent?: boolean
  /**
   * Which cookies a browser with too many of them gives up last; a hint that not all understand.
   * @defaultValue none, which browsers take for `medium`
   */
  readonly priority?: 'low' | 'medium' | 'high'
  /**
   * Cookies that the site used before, to be taken away from browsers that still show them: after a change of `name`,
   * `domain` or `path`. Without it a browser with two cookies of the same name has no session.
   * @defaultValue none
   */
  readonly retired?: readonly RetiredCookie[]
  /** Where `Expires` counts from. @defaultValue Date.now */
  readonly now?: Clock
}

/** The cookie goes back to the host that set it and to no other; `__Host-` in the name makes browsers hold that. */
interface OneHost {
  /** @defaultValue '__Host-id' */
  readonly name?: string
  readonly domain?: never
  readonly path?: '/'
}

/** The cookie is shared between hosts, or limited to a path; its name has to say so. */
interface ManyHosts {
  /** @defaultValue '__Secure-id' */
  readonly name?: `__Secure-${string}` | `__Http-${string}`
  /**
   * This host and all hosts below it get the cookie, such as `example.com`.
   * @defaultValue none: the host that set it
   */
  readonly domain?: string
  /** @defaultValue '/' */
  readonly path?: string
}

interface OverHttps {
  readonly insecureDevelopment?: false
  /** Whether requests that other sites cause bring the cookie. @defaultValue 'lax' */
  readonly sameSite?: 'lax' | 'strict' | 'none'
  /**
   * A jar of its own for each top-level site that embeds this one; useful with `sameSite: 'none'`.
   * @defaultValue false
   */
  readonly partitioned?: boolean
}

interface OverPlainHttp {
  /**
   * For development over plain http: no `Secure`, and the name loses its prefix. Refused in production.
   * @defaultValue false
   */
  readonly insecureDevelopment: true
  readonly sameSite?: 'lax' | 'strict'
  readonly partitioned?: false
}

/** How the session's cookie looks. `HttpOnly` is always on, and so is `Secure` outside `insecureDevelopment`. */
export type CookieOptions = CommonOptions & (OneHost | ManyHosts) & (OverHttps | OverPlainHttp)

/** The carrier that {@link cookieCarrier} makes. */
export interface CookieCarrier extends Carrier {
  readonly name: 'cookie'
  /** The name of the cookie itself, such as `__Host-id`. */
  readonly cookieName: string
}

/** The options as they came: checked for their names here, and for their values where they are written. */
type Own = CommonOptions & OneOrMany
interface OneOrMany {
  readonly name?: string
  /** @defaultValue none: the host that set it */
  readonly domain?: string
  readonly path?: string
  readonly sameSite?: Cookie['sameSite']
  /** @defaultValue false */
  readonly partitioned?: boolean
  readonly insecureDevelopment?: boolean
}

const FLAGS = ['persistent', 'partitioned', 'insecureDevelopment'] as const
const OPTION_NAMES = optionNames<Own>({
  name: true,
  domain: true,
  path: true,
  sameSite: true,
  priority: true,
  retired: true,
  now: true,
  persistent: true,
  partitioned: true,
  /** @defaultValue false */
  insecureDevelopment: true,
})
const FOLLOWS = 'follows from timeouts.absolute; set persistent: true to have it sent'
const REMEDIES = new Map([
  ['httpOnly', 'is always on, so that no script can read the token'],
  ['secure', 'is always on; for plain http in development set insecureDevelopment'],
  ['maxAge', FOLLOWS],
  ['expires', FOLLOWS],
])
// More than any token has, so that the size of a cookie is settled before the first request.
const LONGEST_TOKEN = 128

/** Carries the token in a cookie, the way that browsers protect best. */
export function cookieCarrier(options: CookieOptions = {}): CookieCarrier {
  const { persistent = false, now = Date.now, retired, ...own } = ownOptions(options)
  const cookie = templateOf(own)
  const { priority: _, ...identity } = cookie
  const cleared = serializeCookie({ ...identity, maxAge: 0, expires: 0 })
  const retire = retirementOf(cookie, retired)
  return {
    name: 'cookie',
    cookieName: cookie.name,
    isFallback: false,
    carriesSubjects: true,
    vary: ['cookie'],
    read: (facts) => scanCookies(facts.header('cookie') ?? '', cookie.name).values,
    hand: (token, _facts, remaining, isKept = persistent) => ({
      cookies: [serializeCookie({ ...cookie, value: token, ...(isKept && lifeOf(remaining, now())) })],
    }),
    clear: () => ({ cookies: [cleared] }),
    complaint: (facts) => complaintOf(cookie, facts),
    ...(cookie.path !== '/' && { outside: (facts) => outsideOf(cookie.path, facts) }),
    ...(retire !== undefined && { retire: (facts, hands) => retire(facts.header('cookie') ?? '', hands) }),
  }
}

function lifeOf(remaining: number, now: number): Pick<Cookie, 'maxAge' | 'expires'> {
  const maxAge = Math.min(Math.max(0, Math.floor(remaining / 1000)), MAX_COOKIE_AGE)
  return { maxAge, expires: now + maxAge * 1000 }
}

// A copy of the own properties only: what a polluted Object.prototype or a parsed `__proto__` says is no attribute.
function ownOptions(options: CookieOptions): Own {
  checkObject('cookieCarrier', options, OPTION_NAMES)
  const own: Own = Object.fromEntries(
    Object.entries(options).filter(([key, value]) => key !== '__proto__' && value !== undefined),
  )
  for (const [key, remedy] of REMEDIES) assertOption(!Object.hasOwn(own, key), `cookie.${key}: ${remedy}`)
  checkNames('cookieCarrier', own, OPTION_NAMES)
  for (const key of FLAGS) checkFlag(`cookie.${key}`, own[key])
  checkClock('cookie.now', own.now)
  return own
}

function templateOf({
  insecureDevelopment: isPlain = false,
  ...own
}: Omit<Own, 'persistent' | 'now' | 'retired'>): Cookie {
  const isRefused = isPlain && isProduction()
  assertOption(!isRefused, 'cookie.insecureDevelopment: refused in production; serve https and leave it out')
  const { domain, path = '/' } = own
  const isShared = domain !== undefined || path !== '/'
  const { name = isShared ? '__Secure-id' : '__Host-id' } = own
  const cookie: Cookie = { path, sameSite: 'lax', ...own, name, value: '', secure: true, httpOnly: true }
  checkScope(cookie, isShared)
  return isPlain ? { ...cookie, name: withoutPrefix(name), secure: false } : cookie
}

function checkScope(cookie: Cookie, isShared: boolean): void {
  const { name, domain } = cookie
  // Written at once, so that a wrong attribute is an error of the start and not of the first request; and with the name as
  // it was given, before insecureDevelopment takes its prefix away.
  serializeCookie(cookie)
  assertOption(
    name.length + LONGEST_TOKEN <= MAX_COOKIE_BYTES,
    `cookie.name: too long; name and token share ${MAX_COOKIE_BYTES} bytes`,
  )
  const attribute = domain === undefined ? 'path' : 'domain'
  assertOption(!isShared || withoutPrefix(name) !== name, `cookie.${attribute}: needs a name with __Secure-`)
}

function complaintOf(cookie: Cookie, facts: RequestFacts): string | undefined {
  const host = hostOf(facts)
  if (cookie.secure && !facts.secure && !isLocal(host)) {
    return (
      `cookie: browsers drop "${cookie.name}", which is Secure, over plain http; ` +
      'trust the proxy that ends TLS, serve https, or set insecureDevelopment: true'
    )
  }
  if (cookie.domain === undefined || host === '' || covers(cookie.domain.toLowerCase(), host)) return undefined
  return (
    `cookie: browsers drop domain "${cookie.domain}" on this host; ` +
    'name the host or a parent of it, or leave it out'
  )
}

// As browsers match paths (RFC 6265bis section 5.1.4). What is no path, such as `*`, no browser sends.
function outsideOf(path: string, { url }: RequestFacts): string | undefined {
  const [asked = ''] = url.split(/[?#]/, 1)
  const isCovered = asked === path || asked.startsWith(path.endsWith('/') ? path : `${path}/`)
  if (isCovered || !asked.startsWith('/')) return undefined
  return (
    `cookie: path "${path}" does not cover every request that changes a session, so that nothing of it was stored; ` +
    'serve sessions under that path only, or set another'
  )
}

function hostOf(facts: RequestFacts): string {
  return (facts.header('host') ?? '').toLowerCase().replace(/:\d*$/, '')
}

// Browsers count these as trustworthy without encryption, and keep Secure cookies from them.
function isLocal(host: string): boolean {
  return covers('localhost', host) || host === '127.0.0.1' || host === '[::1]'
}

function covers(domain: string, host: string): boolean {
  return host === domain || host.endsWith(`.${domain}`)
}
