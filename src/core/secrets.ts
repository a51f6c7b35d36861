import { utf8Length } from '#platform'
import type { Clock } from './clock.ts'
import { assertOption, checkFlag, checkNames, optionNames } from './options.ts'
import type { TokenSeal } from './token.ts'
import { plainSeal, signedSeal } from './token.ts'

/** Secrets that sign tokens, and what is taken beside while a live site begins to use them, or stops. */
export interface SecretOptions {
  /** Secrets of at least 32 bytes, the newest first: that one signs, and the others are taken and signed anew. */
  readonly keys: readonly string[]
  /**
   * False: tokens are handed out unsigned, and both kinds are taken. For the time after signing was turned off, and, where
   * several processes serve a site, for the moment before it is turned on.
   * @defaultValue true
   */
  readonly sign?: boolean
  /**
   * Until then unsigned tokens are taken and signed, so that turning `secrets` on signs nobody out: a `Date` or its ISO
   * text, usually the longest that a session lives from now.
   * @defaultValue they are not taken
   */
  readonly acceptUnsignedUntil?: Date | string
}

const NAMES = optionNames<SecretOptions>({ keys: true, sign: true, acceptUnsignedUntil: true })

/** How tokens travel under these secrets. @throws TypeError naming what is wrong. */
export function sealFor(secrets: readonly string[] | SecretOptions | undefined, now: Clock): TokenSeal {
  if (secrets === undefined) return plainSeal
  const options: SecretOptions = isGroup(secrets) ? secrets : { keys: secrets }
  checkNames('secrets', options, NAMES)
  const { keys, sign = true, acceptUnsignedUntil } = options
  const areLong =
    Array.isArray(keys) && keys.length > 0 && keys.every((key) => typeof key === 'string' && utf8Length(key) >= 32)
  assertOption(
    areLong,
    'secrets: expected a list of at least one string of at least 32 random bytes, or { keys: such a list }',
  )
  checkFlag('secrets.sign', sign)
  return signedSeal(keys, { signs: sign, plainUntil: instantOf(acceptUnsignedUntil), now })
}

function isGroup(secrets: readonly string[] | SecretOptions): secrets is SecretOptions {
  return typeof secrets === 'object' && !Array.isArray(secrets)
}

function instantOf(given: unknown): number {
  if (given === undefined) return -Infinity
  const isText = typeof given === 'string' && /^\d{4}-\d\d-\d\d(T|$)/.test(given)
  const at = given instanceof Date ? given.getTime() : isText ? Date.parse(given) : NaN
  assertOption(
    Number.isFinite(at),
    "secrets.acceptUnsignedUntil: expected a Date or its ISO text, such as '2027-01-31T00:00:00Z'",
  )
  return at
}
