import { equalBytes, hmacSha256, toBase64Url, utf8 } from '#platform'
import { hiddenField } from './carriers/html.ts'
import type { RequestFacts } from './core/web/carrier.ts'
import { SessionError } from './core/errors.ts'
import { checkNames, optionNames } from './core/options.ts'
import { checkedOrigins, ownOrigin } from './core/web/origin.ts'
import { secretBytes } from './core/token.ts'

/** Where a form's token travels, and who else may send forms. */
export interface CsrfOptions {
  /** The form field. @defaultValue '_csrf' */
  readonly field?: string
  /** The request header, for scripts. @defaultValue 'x-csrf-token' */
  readonly header?: string
  /** Further origins whose pages may send requests, such as `https://admin.example.com`. @defaultValue [] */
  readonly origins?: readonly string[]
}

/** The part of a session that the check needs. */
export interface CsrfSession {
  /** Makes the session exist. */
  start(): unknown
  /** A secret of the session for one purpose, new at every sign-in; undefined when the session was never started. */
  derive(label: string): Uint8Array | undefined
  /** The request that the session belongs to. */
  readonly facts: RequestFacts
}

/** What {@link csrf} makes. */
export interface Csrf {
  /**
   * A token for a page of this session; starts the session. Differs at each call, and all stay valid until the user
   * signs in, authenticates again or signs out.
   * Empty, and never valid, for a session that ended a moment ago or that the store could not give: the page is shown all
   * the same, and its forms ask to be loaded again.
   */
  token(session: CsrfSession): string
  /** The same as a hidden form field. */
  field(session: CsrfSession): string
  /**
   * Passes a request that this site's own pages sent, and requests that change nothing.
   * @param presented the token, when it travels neither in the field nor in the header.
   * @throws SessionError `csrf`
   */
  verify(session: CsrfSession, presented?: string): void
  /** The same, told as a boolean. */
  check(session: CsrfSession, presented?: string): boolean
}

const NAMES = optionNames<CsrfOptions>({ field: true, header: true, origins: true })
const LABEL = 'csrf'
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'TRACE']
const SALT_BYTES = 16
const SALT_LENGTH = 22
const TOKEN_LENGTH = SALT_LENGTH + 43

/** Guards against requests that another site makes a visitor's browser send. */
export function csrf(options: CsrfOptions = {}): Csrf {
  checkNames('csrf', options, NAMES)
  const field = nameOf('field', options.field ?? '_csrf')
  const header = nameOf('header', options.header ?? 'x-csrf-token').toLowerCase()
  const origins = checkedOrigins('csrf: origins', options.origins)
  const fault = (session: CsrfSession, presented: string | undefined): string | undefined => {
    const { facts } = session
    if (SAFE_METHODS.includes(facts.method)) return undefined
    const text = presented ?? facts.header(header) ?? facts.field?.(field)
    return faultOfSource(facts, origins) ?? faultOfToken(session, text)
  }
  const token = (session: CsrfSession): string => {
    session.start()
    return newToken(session)
  }
  return {
    token,
    field: (session) => hiddenField(field, token(session)),
    verify: (session, presented) => {
      const message = fault(session, presented)
      if (message !== undefined) throw new SessionError('csrf', message)
    },
    check: (session, presented) => fault(session, presented) === undefined,
  }
}

// A salted digest and not the secret itself: a text that is the same in every response can be guessed letter by letter
// from the length of compressed responses (BREACH).
function newToken(session: CsrfSession): string {
  const secret = secretOf(session)
  if (secret === undefined) return ''
  const salt = toBase64Url(secretBytes(SALT_BYTES))
  return salt + digestOf(secret, salt)
}

function faultOfToken(session: CsrfSession, presented: unknown): string | undefined {
  if (typeof presented !== 'string' || presented === '') {
    return 'csrf: the request has no token; put field(session) into the form, or token(session) into the header'
  }
  const secret = secretOf(session)
  if (secret === undefined) return 'csrf: this session was never started, so no token is valid; load the form again'
  const expected = presented.length === TOKEN_LENGTH ? digestOf(secret, presented.slice(0, SALT_LENGTH)) : ''
  if (expected !== '' && equalBytes(utf8(presented.slice(SALT_LENGTH)), utf8(expected))) return undefined
  return 'csrf: the token is not of this session, or from before a sign-in; load the form again'
}

// Without a key a digest proves nothing, so an empty one is none.
function secretOf(session: CsrfSession): Uint8Array | undefined {
  const secret = session.derive(LABEL)
  return secret === undefined || secret.length === 0 ? undefined : secret
}

function digestOf(secret: Uint8Array, salt: string): string {
  return toBase64Url(hmacSha256(secret, `sojourn:csrf:${salt}`))
}

function faultOfSource(facts: RequestFacts, origins: ReadonlySet<string>): string | undefined {
  const origin = facts.header('origin')
  const site = facts.header('sec-fetch-site') ?? 'same-origin'
  const isListed = origin !== undefined && origins.has(origin)
  if (site !== 'same-origin' && site !== 'none' && !(site === 'same-site' && isListed)) {
    return 'csrf: the request comes from another site; list its origin if it is another host of this site'
  }
  if (origin === undefined || isListed || origin === ownOrigin(facts)) return undefined
  // What a page with `no-referrer` sends, as those of the fallback carriers have it. A sandboxed page of another site sends
  // the same, but never as `same-origin`.
  if (origin === 'null' && facts.header('sec-fetch-site') === 'same-origin') return undefined
  return (
    'csrf: the request comes from another origin; behind a proxy that ends TLS trust the proxy, ' +
    'else list the origin if it is yours'
  )
}

function nameOf(option: string, name: string): string {
  if (typeof name === 'string' && /^[A-Za-z0-9_.-]+$/.test(name)) return name
  throw new TypeError(`csrf: ${option}: expected a name of letters, digits and _ . - only`)
}
