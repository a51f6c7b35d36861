import { isStoreKey } from '../../../core/key.ts'
import type { Entry } from './keyed-store.ts'

type Fields = Readonly<Record<string, unknown>>

/** A value that somebody's own store gave back, checked; damaged ones count as absent. Always a copy. */
export function entryIn(value: unknown): Entry | undefined {
  if (!isFields(value)) return undefined
  const { state, expiresAt, to } = value
  if (typeof expiresAt !== 'number') return undefined
  if (state === 'dead') return { state, expiresAt }
  if (state === 'moved') return typeof to === 'string' && isStoreKey(to) ? { state, to, expiresAt } : undefined
  return state === 'live' ? recordIn(value, expiresAt) : undefined
}

function recordIn(value: Fields, expiresAt: number): Entry | undefined {
  const { version, handle, subject, createdAt, seenAt, meta, data } = value
  if (typeof version !== 'number' || typeof createdAt !== 'number' || typeof seenAt !== 'number') return undefined
  if (typeof handle !== 'string' || typeof meta !== 'string' || typeof data !== 'string') return undefined
  const rest = { version, handle, createdAt, seenAt, expiresAt, meta, data }
  return typeof subject === 'string' ? { state: 'live', subject, ...rest } : { state: 'live', ...rest }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}
