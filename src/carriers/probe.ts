import type { Answer, RequestFacts } from '../core/web/carrier.ts'
import type { Clock } from '../core/clock.ts'
import { serializeCookie } from '../core/web/cookie.ts'
import { checkClock } from '../core/options.ts'
import type { Address } from './address.ts'
import { addressOf, checkedParameter, parametersOf, textOf, withParameter, withoutParameter } from './address.ts'

/** Names used to find out whether a client keeps cookies. */
export interface ProbeOptions {
  /** The parameter that marks a URL while the answer is awaited. @defaultValue 'cookies' */
  readonly marker?: string
  /** The cookie that is sent to see whether it comes back; it holds nothing. @defaultValue 'cookies-work' */
  readonly testCookie?: string
  /** @defaultValue Date.now */
  readonly now?: Clock
}

/** Finds out whether a client keeps cookies, so that a fallback is used by those clients only that do not. */
export interface Probe {
  /** The redirect that asks, or the one that leaves the question's traces; undefined when neither is called for. */
  answer(facts: RequestFacts): Answer | undefined
  /** Whether this client was asked, and shows no cookie all the same. */
  isCookieless(facts: RequestFacts): boolean
  /** The URL without the marker. */
  strip(url: string): string
}

// Long enough for a slow redirect and for the clocks of several servers; short enough that a marked URL, sent to
// somebody whose browser does keep cookies, does not put that visitor's session into the URL.
const FRESH_MS = 5 * 60_000
const SAFE: readonly string[] = ['GET', 'HEAD']

/** Makes the {@link Probe} that the fallback carriers share; `carrier` is the one whose options these are. */
export function cookieProbe(carrier: string, options: ProbeOptions = {}): Probe {
  const name = checkedParameter(`${carrier}: marker`, options.marker ?? 'cookies')
  const cookieName = checkedParameter(`${carrier}: testCookie`, options.testCookie ?? 'cookies-work')
  const { now = Date.now } = options
  checkClock(`${carrier}: now`, now)
  const ask = (facts: RequestFacts): Answer => {
    const address = addressOf(facts.url)
    const query = withParameter(address.query, name, `ask.${Math.floor(now() / 1000).toString(36)}`)
    return redirect({ ...address, query, fragment: '' }, [testCookie(cookieName, facts)])
  }
  return {
    answer: (facts) => {
      if (!isNavigation(facts)) return undefined
      const { query } = addressOf(facts.url)
      const isMarked = markersIn(query, name).length > 0
      if (showsCookie(facts)) return isMarked ? redirect(addressOf(strip(facts.url, name)), []) : undefined
      return isMarked && isFresh(query, name, now()) ? undefined : ask(facts)
    },
    isCookieless: (facts) => !showsCookie(facts) && wasAsked(facts, name, now()),
    strip: (url) => strip(url, name),
  }
}

function showsCookie(facts: RequestFacts): boolean {
  return (facts.header('cookie') ?? '') !== ''
}

// A script, an image or a form's POST cannot be sent round by a redirect without a change of what it does.
function isNavigation(facts: RequestFacts): boolean {
  const mode = facts.header('sec-fetch-mode')
  return facts.method === 'GET' && facts.url.startsWith('/') && (mode === undefined || mode === 'navigate')
}

// A form's POST goes to an unmarked URL, but the page that it was sent from was marked, and shows in Referer.
function wasAsked(facts: RequestFacts, name: string, now: number): boolean {
  if (isFresh(addressOf(facts.url).query, name, now)) return true
  if (SAFE.includes(facts.method)) return false
  const referer = facts.header('referer')
  const ownPage = `${facts.secure ? 'https' : 'http'}://${facts.header('host') ?? ''}/`
  return referer?.startsWith(ownPage) === true && markersIn(addressOf(referer).query, name).length > 0
}

function markersIn(query: string | undefined, name: string): readonly string[] {
  return parametersOf(query, name).filter(isMarker)
}

function isMarker(value: string): boolean {
  return /^ask\.[0-9a-z]{1,9}$/.test(value)
}

function isFresh(query: string | undefined, name: string, now: number): boolean {
  return markersIn(query, name).some((value) => {
    const askedAt = Number.parseInt(value.slice('ask.'.length), 36) * 1000
    return Math.abs(now - askedAt) <= FRESH_MS
  })
}

// An application may have a parameter of the same name; only what a probe wrote is taken away.
function strip(url: string, name: string): string {
  const address = addressOf(url)
  return textOf({ ...address, query: withoutParameter(address.query, name, isMarker) })
}

function testCookie(name: string, facts: RequestFacts): string {
  return serializeCookie({ name, value: '1', path: '/', secure: facts.secure, httpOnly: true, sameSite: 'lax' })
}

function redirect(address: Address, cookies: readonly string[]): Answer {
  const headers: [string, string][] = [
    ['location', onThisOrigin(address)],
    ['cache-control', 'no-store'],
    ['vary', 'cookie'],
  ]
  return { status: 302, headers, cookies, body: '' }
}

/**
 * The address as a reference that stays on this origin. `//evil.example`, as a request's path, would be another host
 * when it comes back as a Location; behind `/.` it is a path again. Browsers read `\` as `/`, and skip tabs and line
 * ends, so such characters go out encoded.
 */
function onThisOrigin(address: Address): string {
  const text = textOf(address).replace(/[^\x21-\x7E]|["#<>\\^`{|}]/g, percentEncoded)
  return text.startsWith('//') ? `/.${text}` : text
}

// Servers show each raw byte of a request line as one character.
function percentEncoded(character: string): string {
  const code = character.charCodeAt(0)
  return code > 0xff ? '%EF%BF%BD' : `%${code.toString(16).toUpperCase().padStart(2, '0')}`
}
