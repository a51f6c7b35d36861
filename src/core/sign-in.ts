import { assertOption, checkedCount } from './options.ts'
import { parseLifetime } from './policy.ts'
import { MAX_FACTORS } from './record.ts'
import type { ElevateOptions, LoginOptions } from './verbs.ts'

/** What an authentication says of itself, checked. */
export interface Shown {
  readonly level: number | undefined
  readonly factors: readonly string[]
}

/** What a sign-in says of itself, checked; times in milliseconds. */
export interface SignIn extends Shown {
  readonly label: string | undefined
  readonly idpSession: string | undefined
  /** An absolute limit that can only be shorter than the policy's. */
  readonly absolute: number | undefined
  /** Whether the cookie outlives the browser; undefined where the carrier's options decide. */
  readonly persistent: boolean | undefined
  /** How long the user stays signed in, used or not, instead of the policy's limits. */
  readonly lifetime: number | undefined
}

// They are read with the session at each request: what a client sends as its name must not make that dear (DOS-6).
const MAX_LENGTH = 255
const MAX_LEVEL = 1000

/** @throws TypeError naming the option that is wrong and what it should be. */
export function readSignIn<Data>(options: LoginOptions<Data>): SignIn {
  const { keep, label, idpSession, absolute, persistent } = options
  assertOption(keep === undefined || keep === 'all' || Array.isArray(keep), "login: keep: expected a list or 'all'")
  assertOption(label === undefined || typeof label === 'string', 'login: label: expected a string')
  assertOption(idpSession === undefined || isName(idpSession), `login: idpSession: expected ${A_NAME}`)
  const isPeriod = typeof persistent === 'string'
  assertOption(
    isPeriod || persistent === undefined || typeof persistent === 'boolean',
    "login: persistent: expected true, false or a duration such as '30d'",
  )
  assertOption(
    !isPeriod || absolute === undefined,
    'login: absolute: leave it out; the duration of persistent is the absolute limit',
  )
  return {
    ...shownBy('login', options),
    label: label === undefined ? undefined : cut(label),
    idpSession,
    absolute: absolute === undefined ? undefined : parseLifetime('login: absolute', absolute),
    persistent: isPeriod ? true : persistent,
    lifetime: isPeriod ? parseLifetime('login: persistent', persistent) : undefined,
  }
}

/** @throws TypeError naming the option that is wrong and what it should be. */
export function readElevation(options: ElevateOptions): Shown {
  return shownBy('elevate', options)
}

const A_NAME = `a string of 1 to ${MAX_LENGTH} characters`

function shownBy(verb: string, { level, factors = [] }: ElevateOptions): Shown {
  assertOption(
    Array.isArray(factors) && factors.length <= MAX_FACTORS && factors.every(isName),
    `${verb}: factors: expected a list of at most ${MAX_FACTORS}, each ${A_NAME}`,
  )
  return { level: level === undefined ? undefined : checkedCount(`${verb}: level`, level, 0, MAX_LEVEL), factors }
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_LENGTH
}

// A browser's name may be as long as the client likes, and is only there to be read: it is no error of the application.
function cut(label: string): string {
  return label.length <= MAX_LENGTH ? label : label.slice(0, MAX_LENGTH).replace(/[\uD800-\uDBFF]$/, '')
}
