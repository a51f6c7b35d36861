import { equalBytes, hmacSha256, randomBytes, toBase64Url, utf8 } from '#platform'
import type { Clock } from './clock.ts'
import { SessionError } from './errors.ts'

/** The secret a client presents; in the cookie only, never stored, never logged. */
export type Token = string & { readonly __brand: 'Token' }

// 18 bits: fine enough to spread over the 16,384 slots of a Redis Cluster, and it tells nothing about the rest.
const PARTITION_LENGTH = 3
// 32 random bytes (ASVS 5.0 11.5.1 asks for 128 bits at least; a UUID has 122).
const RANDOM_BYTES = 32
const TOKEN_LENGTH = PARTITION_LENGTH + 43
const SIGNATURE_LENGTH = 43
const SHAPE = /^[A-Za-z0-9_-]+$/

/**
 * Mints a token that was never seen before.
 * @param partition where it is to be stored; random for a session that belongs nowhere yet.
 */
export function mintToken(partition: string = toBase64Url(secretBytes(3))): Token {
  return branded(partition.slice(0, PARTITION_LENGTH) + toBase64Url(secretBytes(RANDOM_BYTES)))
}

/** Random bytes, checked: a generator that fails open (CVE-2025-66630) must not give everybody one session. */
export function secretBytes(length: number): Uint8Array {
  const bytes = randomBytes(length)
  if (bytes.length !== length || (length >= 16 && bytes.every((byte) => byte === 0))) {
    throw notRandom()
  }
  return bytes
}

/** The error for a generator that cannot be trusted. */
export function notRandom(): SessionError {
  return new SessionError('random', 'random: the platform gave no random bytes')
}

/** The partition at the head of a token: not secret, and no part of its strength. */
export function partitionOf(token: Token): string {
  return token.slice(0, PARTITION_LENGTH)
}

/** Turns tokens into what travels, and back. */
export interface TokenSeal {
  /** The text that a carrier hands out. */
  write(token: Token): string
  /**
   * The token in a text that a client presented, or undefined. Exact length and alphabet are checked before anything is
   * hashed (ASVS 5.0 15.3.5), and the text itself is what counts: no two encodings mean one token.
   */
  read(text: string): { readonly token: Token; readonly isCurrent: boolean } | undefined
}

/** Tokens travel as they are; their 256 random bits are the protection. */
export const plainSeal: TokenSeal = {
  write: (token) => token,
  read: (text) => {
    const token = asToken(text)
    return token === undefined ? undefined : { token, isCurrent: true }
  },
}

/** What a seal does beside signing and checking signatures; times in epoch milliseconds. */
export interface SealRules {
  /** False: tokens are written unsigned, and always taken so. */
  readonly signs: boolean
  /** Until then unsigned tokens are taken. */
  readonly plainUntil: number
  readonly now: Clock
}

const ONLY_SIGNED: SealRules = { signs: true, plainUntil: -Infinity, now: () => 0 }

/**
 * Tokens travel with an HMAC-SHA-256, so that guesses and garbage never reach the store.
 * The first secret signs, all verify; `isCurrent` is false for what would not be written so today.
 */
export function signedSeal(secrets: readonly string[], rules: SealRules = ONLY_SIGNED): TokenSeal {
  const { signs, plainUntil, now } = rules
  const keys = secrets.map((secret) => utf8(secret))
  const newest = keys[0] ?? utf8('')
  return {
    write: (token) => (signs ? `${token}.${toBase64Url(hmacSha256(newest, token))}` : token),
    read: (text) => {
      if (text.length === TOKEN_LENGTH && (!signs || now() < plainUntil)) {
        const token = asToken(text)
        return token && { token, isCurrent: !signs }
      }
      if (text.length !== TOKEN_LENGTH + 1 + SIGNATURE_LENGTH || text[TOKEN_LENGTH] !== '.') return undefined
      const token = asToken(text.slice(0, TOKEN_LENGTH))
      if (token === undefined) return undefined
      const presented = utf8(text.slice(TOKEN_LENGTH + 1))
      const index = keys.findIndex((key) => equalBytes(presented, utf8(toBase64Url(hmacSha256(key, token)))))
      return index < 0 ? undefined : { token, isCurrent: signs && index === 0 }
    },
  }
}

function asToken(text: string): Token | undefined {
  return text.length === TOKEN_LENGTH && SHAPE.test(text) ? branded(text) : undefined
}

function branded(text: string): Token {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the one place that makes a Token
  return text as Token
}
