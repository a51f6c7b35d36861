import { sha256 } from '#platform'
import type { Token } from './token.ts'
import { partitionOf } from './token.ts'

/** Derived from a token by SHA-256; all that a store ever sees, and useless as a token. */
export type StoreKey = string & { readonly __brand: 'StoreKey' }

/** Store keys are `s1.`, the partition of the token (3 characters), `.`, and 43 characters of hash. */
const VERSION = 's1'

/**
 * The key under which the session of a token is stored.
 * The namespace goes into the hash, so that one token value opens nothing in another application that shares the store.
 */
export function storeKeyOf(namespace: string, token: Token): StoreKey {
  const digest = sha256(`sojourn:key:${namespace}\0${token}`)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the one place that makes a StoreKey
  return `${VERSION}.${partitionOf(token)}.${digest}` as StoreKey
}

const SHAPE = /^s1\.[A-Za-z0-9_-]{3}\.[A-Za-z0-9_-]{43}$/

/** Tells a store key by its shape, for stores that keep keys as file names or read them back from a backend. */
export function isStoreKey(value: string): value is StoreKey {
  return SHAPE.test(value)
}

/** The partition in the key: the same for all sessions of one subject, see {@link partitionOfSubject}. */
export function partitionOfKey(key: StoreKey): string {
  return key.slice(3, 6)
}

/** The partition of all sessions of a subject, so that they and their index can share a shard. */
export function partitionOfSubject(subject: string): string {
  return sha256(`sojourn:partition:${subject}`).slice(0, 3)
}
