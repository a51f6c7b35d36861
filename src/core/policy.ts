import type { Duration } from './duration.ts'
import { parseDuration } from './duration.ts'
import { assertOption, checkChoice, checkedCount } from './options.ts'
import type { SessionRecord, SubjectCap } from './store.ts'

/** How long sessions live. */
export interface TimeoutOptions {
  /**
   * A session ends when it was not used for this long (ASVS 5.0 7.3.1). At most `absolute`.
   * @defaultValue '15m', or `absolute` where that is less
   */
  readonly idle?: Duration
  /**
   * A session ends this long after it began or its user last authenticated, used or not (ASVS 5.0 7.3.2). At most 400
   * days. For a user who wants to stay signed in longer than others: `login(user, { persistent: '30d' })`.
   * @defaultValue '12h'
   */
  readonly absolute?: Duration
  /**
   * The idle limit of sessions without a subject.
   * @defaultValue the value of `idle`
   */
  readonly anonymous?: Duration
  /**
   * Use is written down at most this often, so that reading costs no write. A session lives at least `idle` after its
   * last use and at most `idle + touchEvery`; `'0s'` makes it exact and costs a write for each request. A session whose
   * limit is shorter (`anonymous`, `start({ idle })`) takes a tenth of that where it is less.
   * @defaultValue the smaller of '1m' and a tenth of `idle`
   */
  readonly touchEvery?: Duration
}

/** Periodic replacement of tokens. */
export interface RotationOptions {
  /**
   * A token older than this is replaced at the next request. At least `grace`.
   * @defaultValue never
   */
  readonly every?: Duration
  /**
   * For this long after a rotation, requests already under way with the old token reach the same session.
   * Login, elevation and logout never have a grace.
   * @defaultValue '10s'
   */
  readonly grace?: Duration
}

/** The limits in force, in milliseconds where they are times. */
export interface Policy {
  readonly idle: number
  readonly absolute: number
  readonly anonymous: number
  readonly touchEvery: number
  readonly rotateEvery: number | undefined
  readonly rotationGrace: number
  /**
   * Live sessions one subject may have, and what happens at the limit; undefined when there is no limit, or when the store
   * does not know its subjects.
   */
  readonly perSubject: SubjectCap | undefined
  /** What sessions are bound to: the option `bind`, where `function` is one of the application's own. */
  readonly bind: 'client-address' | 'client-network' | 'function' | undefined
}

/**
 * Timeouts of NIST SP 800-63B-4 sections 2.1.3, 2.2.3 and 2.3.3, one set for each authentication assurance level.
 * Use is written down at each request, so that the limits hold to the millisecond.
 */
export const nist: {
  readonly aal1: Required<Pick<TimeoutOptions, 'idle' | 'absolute'>>
  readonly aal2: Required<Pick<TimeoutOptions, 'idle' | 'absolute' | 'touchEvery'>>
  readonly aal3: Required<Pick<TimeoutOptions, 'idle' | 'absolute' | 'touchEvery'>>
} = {
  // Level 1 asks for no idle limit; ASVS 5.0 7.3.1 asks for one always, so it equals the overall limit.
  aal1: { idle: '30d', absolute: '30d' },
  aal2: { idle: '1h', absolute: '24h', touchEvery: '0s' },
  aal3: { idle: '15m', absolute: '12h', touchEvery: '0s' },
}

/** Checks the options and puts the defaults in. */
export function createPolicy(
  timeouts: TimeoutOptions,
  rotation: RotationOptions,
  perSubject: SubjectCap | 'unlimited' = DEFAULT_CAP,
  bind?: Policy['bind'],
): Policy {
  const absolute = parseLifetime('timeouts.absolute', timeouts.absolute ?? '12h')
  const idle =
    timeouts.idle === undefined ? Math.min(IDLE, absolute) : parseIdle('timeouts.idle', timeouts.idle, absolute)
  const rotationGrace = parseDuration('rotation.grace', rotation.grace ?? '10s')
  const rotateEvery = rotation.every === undefined ? undefined : parseDuration('rotation.every', rotation.every, 1)
  assertOption(
    rotateEvery === undefined || rotateEvery >= rotationGrace,
    `rotation.every: it must be at least as long as rotation.grace, ${rotationGrace} ms; rotate less often or give a shorter grace`,
  )
  return Object.freeze({
    idle,
    absolute,
    anonymous: timeouts.anonymous === undefined ? idle : parseIdle('timeouts.anonymous', timeouts.anonymous, absolute),
    touchEvery:
      timeouts.touchEvery === undefined
        ? Math.min(60_000, Math.floor(idle / 10))
        : parseDuration('timeouts.touchEvery', timeouts.touchEvery),
    rotateEvery,
    rotationGrace,
    perSubject: perSubject === 'unlimited' ? undefined : checkedCap(perSubject),
    bind,
  })
}

// Far more than people have; what it stops is a user, or who has the password, who signs in without end (DOS-4).
const DEFAULT_CAP: SubjectCap = Object.freeze({ max: 100, onLimit: 'evict-oldest' })
const IDLE = 15 * 60_000
const LONGEST = 400 * 86_400_000

/**
 * An absolute limit, in milliseconds.
 * @throws TypeError above 400 days, after which browsers have dropped the cookie (RFC 6265bis section 5.5).
 */
export function parseLifetime(option: string, value: unknown): number {
  const lifetime = parseDuration(option, value, 1)
  assertOption(lifetime <= LONGEST, `${option}: expected at most '400d', as long as browsers keep a cookie`)
  return lifetime
}

/**
 * An idle limit, in milliseconds.
 * @throws TypeError above the absolute limit, by which the session would end long before.
 */
export function parseIdle(option: string, value: unknown, absolute: number): number {
  const idle = parseDuration(option, value, 1)
  assertOption(
    idle <= absolute,
    `${option}: longer than the absolute limit, ${absolute / 3_600_000} h, by which the session ends all the same; ` +
      'set timeouts.absolute as well, or sign in with persistent, or give less',
  )
  return idle
}

function checkedCap(cap: SubjectCap): SubjectCap {
  checkChoice('perSubject.onLimit', cap.onLimit, ['evict-oldest', 'reject'])
  return Object.freeze({ max: checkedCount('perSubject.max', cap.max), onLimit: cap.onLimit })
}

/** What the life of a session depends on. */
export interface Lifespan {
  readonly subject?: string | undefined
  readonly createdAt: number
  /** An end of its own, earlier than the policy's. */
  readonly until?: number | undefined
  /** An idle limit of its own, in milliseconds, instead of the policy's. */
  readonly idle?: number | undefined
  /** An absolute limit of its own, in milliseconds, instead of the policy's. */
  readonly lifetime?: number | undefined
}

/** The instant after which the session cannot live, whatever is done with it. */
export function absoluteEnd(policy: Policy, span: Lifespan): number {
  return Math.min(span.createdAt + (span.lifetime ?? policy.absolute), span.until ?? Infinity)
}

/** When a session that is used now ends if nobody uses it again. */
export function expiryAt(policy: Policy, span: Lifespan, now: number): number {
  return Math.min(now + idleOf(policy, span) + touchEveryOf(policy, span), absoluteEnd(policy, span))
}

/** Whether a loaded record is past a limit of the policy in force now, which may be shorter than when it was written. */
export function isExpired(
  policy: Policy,
  record: SessionRecord,
  own: Pick<Lifespan, 'until' | 'idle' | 'lifetime'>,
  now: number,
): boolean {
  const { subject, createdAt } = record
  const { until, idle, lifetime } = own
  const end = expiryAt(policy, { subject, createdAt, until, idle, lifetime }, record.seenAt)
  return now >= record.expiresAt || now >= end
}

/** Whether use must be written down now. */
export function isTouchDue(policy: Policy, record: SessionRecord, own: Pick<Lifespan, 'idle'>, now: number): boolean {
  if (now <= record.seenAt) return false
  return now - record.seenAt >= touchEveryOf(policy, { subject: record.subject, idle: own.idle })
}

// A session that must end after two seconds may not live for a minute more because others are touched once a minute.
function touchEveryOf(policy: Policy, span: IdleSpan): number {
  const idle = idleOf(policy, span)
  return idle < policy.idle ? Math.min(policy.touchEvery, Math.floor(idle / 10)) : policy.touchEvery
}

type IdleSpan = Pick<Lifespan, 'subject' | 'idle'>

function idleOf(policy: Policy, span: IdleSpan): number {
  return span.idle ?? (span.subject === undefined ? policy.anonymous : policy.idle)
}
