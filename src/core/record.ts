import { sha256, toBase64Url } from '#platform'
import { SessionError } from './errors.ts'
import type { SessionRecord } from './store.ts'
import { secretBytes } from './token.ts'

/** What is known about the user's last authentication. */
export interface Authentication {
  /** When, in epoch milliseconds. */
  readonly at: number
  /** The application's assurance level, 1 unless it said otherwise. */
  readonly level: number
  /** What was shown, such as `password` or `totp`. */
  readonly factors: readonly string[]
  /** When each of `factors` was shown last, in the same order. */
  readonly shownAt: readonly number[]
  /** The device, as the application described it. */
  readonly label?: string | undefined
  /** The identity provider's name for its session, for coordinated sign-out (ASVS 5.0 7.1.3). */
  readonly idpSession?: string | undefined
}

/** Factors of one authentication, and of a session. */
export const MAX_FACTORS = 16

/** Whether the user has authenticated since then, with that factor if one is named: an old one does not count anew. */
export function hasShown(authentication: Authentication | undefined, since: number, factor?: string): boolean {
  if (authentication === undefined) return false
  const at = factor === undefined ? authentication.at : authentication.shownAt[authentication.factors.indexOf(factor)]
  return at !== undefined && at >= since
}

/** What is known after a further authentication. */
export function authenticatedAgain(
  before: Partial<Authentication> | undefined,
  now: number,
  level: number | undefined,
  factors: readonly string[] = [],
): Authentication {
  const shown = new Map(before?.factors?.map((factor, i) => [factor, before.shownAt?.[i] ?? before.at ?? now]))
  for (const factor of factors) shown.set(factor, now)
  const latest =
    shown.size <= MAX_FACTORS ? [...shown] : [...shown].toSorted((a, b) => b[1] - a[1]).slice(0, MAX_FACTORS)
  return frozen({
    ...before,
    at: now,
    level: level ?? before?.level ?? 1,
    factors: latest.map(([factor]) => factor),
    shownAt: latest.map(([, at]) => at),
  })
}

/** The engine's own facts about a session; not reachable through the session's data (WSTG-SESS-08). */
export interface Meta {
  readonly authentication?: Authentication | undefined
  /** Hash of what the session is bound to. */
  readonly binding?: string | undefined
  /** An absolute end of its own, earlier than the policy's. */
  readonly until?: number | undefined
  /** An idle limit of its own, in milliseconds. */
  readonly idle?: number | undefined
  /** An absolute limit of its own, in milliseconds, instead of the policy's. */
  readonly lifetime?: number | undefined
  /** Whether the cookie outlives the browser; where nothing is said the carrier's options decide. */
  readonly persistent?: boolean | undefined
  /** When the token was last replaced. */
  readonly rotatedAt?: number | undefined
  /** Until when the marks last that lead here from older tokens, one after the other; some may be gone already. */
  readonly marks?: readonly number[] | undefined
  /** What its secrets for purposes are derived from, where that is no longer told by the token. */
  readonly secret?: string | undefined
  /** What a newer process has noted beside these; nothing is made of it here, and it is written back as it was. */
  readonly others?: Fields | undefined
}

/** Version of the text below. A newer one is refused, so that an older process never mangles it. */
const VERSION = 1
const NOTHING = JSON.stringify({ v: VERSION })
const EMPTY: Meta = Object.freeze({})

/** The text a store keeps; empty for a session about which there is nothing to say. */
export function encodeMeta({ others, ...meta }: Meta): string {
  const text = JSON.stringify({ ...others, v: VERSION, ...meta })
  return text === NOTHING ? '' : text
}

/** @throws SessionError `undecodable` when the text is damaged or written by a newer version. */
export function decodeMeta(text: string): Meta {
  if (text === '') return EMPTY
  const value = parsed(text)
  if (value === undefined || value['v'] !== VERSION) {
    throw damagedError()
  }
  const {
    v: _,
    authentication,
    binding,
    until,
    idle,
    lifetime,
    persistent,
    rotatedAt,
    marks,
    secret,
    ...others
  } = value
  return {
    ...(Object.keys(others).length > 0 && { others }),
    authentication: asAuthentication(authentication),
    binding: isString(binding) ? binding : undefined,
    until: isNumber(until) ? until : undefined,
    idle: isNumber(idle) ? idle : undefined,
    lifetime: isNumber(lifetime) ? lifetime : undefined,
    persistent: typeof persistent === 'boolean' ? persistent : undefined,
    rotatedAt: isNumber(rotatedAt) ? rotatedAt : undefined,
    marks: isListOf(marks, isNumber) ? marks : undefined,
    secret: isString(secret) ? secret : undefined,
  }
}

/** The error for what a store gives back and nobody can read. */
export function damagedError(cause?: unknown): SessionError {
  return new SessionError('undecodable', 'session record: it is damaged or of a newer version', { cause })
}

/** A public name for a session: random, unique, and no key to anything. */
export function newHandle(): string {
  return toBase64Url(secretBytes(16))
}

/** Whether it may be the public name of a session. What comes from a form may be anything, or missing. */
export function isHandle(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{22}$/.test(value)
}

/** The name of a session in events and logs: stable through rotation, and it opens and ends nothing. */
export function referenceOf(handle: string = ''): string {
  return sha256(`sojourn:reference:${handle}`).slice(0, 12)
}

/** A record like `from` with another content, at the next version. */
export function nextRecord(
  from: SessionRecord,
  change: Partial<Omit<SessionRecord, 'state' | 'version'>>,
): SessionRecord {
  return { ...from, ...change, version: from.version + 1 }
}

type Fields = Readonly<Record<string, unknown>>

function parsed(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isFields(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

function asAuthentication(value: unknown): Authentication | undefined {
  if (!isFields(value)) return undefined
  const { at, level, factors, shownAt, label, idpSession } = value
  if (!isNumber(at) || !isNumber(level) || !isListOf(factors, isString)) return undefined
  return frozen({
    at,
    level,
    factors,
    shownAt: isListOf(shownAt, isNumber) ? shownAt : factors.map(() => at),
    label: isString(label) ? label : undefined,
    idpSession: isString(idpSession) ? idpSession : undefined,
  })
}

// The application is given this very object: what it writes there must not become a fact at the next rotation.
function frozen(authentication: Authentication): Authentication {
  Object.freeze(authentication.factors)
  Object.freeze(authentication.shownAt)
  return Object.freeze(authentication)
}

function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.every(isItem)
}

function isString(value: unknown): value is string {
  return typeof value === 'string'
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}
