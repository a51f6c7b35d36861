import { partitionOfSubject, type StoreKey } from '../../../src/core/key.ts'
import type { SessionRecord } from '../../../src/core/store.ts'
import { asKey } from '../../../src/testing/cases/fixtures.ts'

export const MINUTE = 60_000
export const HOUR: number = 60 * MINUTE

/** A key that no other call gives, in the partition of the subject if there is one. */
export function newKey(subject?: string): StoreKey {
  const hash = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(33))).toString('base64url')
  return asKey(`s1.${subject === undefined ? hash().slice(0, 3) : partitionOfSubject(subject)}.${hash().slice(0, 43)}`)
}

/** A record at version 1 that lives for an hour of the real clock. */
export function newRecord(changes?: Partial<SessionRecord>): SessionRecord {
  const now = Date.now()
  return {
    state: 'live',
    version: 1,
    handle: `h-${newKey().slice(7, 29)}`,
    createdAt: now,
    seenAt: now,
    expiresAt: now + HOUR,
    meta: '{"v":1}',
    data: '{"theme":"dark"}',
    ...changes,
  }
}

/** The whole numbers from 0 on. */
export function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index)
}
