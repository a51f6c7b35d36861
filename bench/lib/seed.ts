import { randomFillSync } from 'node:crypto'
import type { MemoryStore } from 'sojourn/stores/memory'

export type Key = Parameters<MemoryStore['get']>[0]
export type SessionRecord = Parameters<MemoryStore['insert']>[1]

export const HOUR = 3_600_000

const random = Buffer.alloc(48)

/** A key and its record as the engine makes them, with data of the size of a small cart; every other one belongs to a user. */
export function seedOf(n: number, now: number): { readonly key: Key; readonly record: SessionRecord } {
  const text = randomFillSync(random).toString('base64url')
  const key = `s1.${text.slice(0, 3)}.${text.slice(3, 46)}` as Key
  const data = JSON.stringify({
    cart: [{ item: `item-${n}`, count: 1 + (n % 3) }],
    theme: 'dark',
    visits: n,
    seen: [1, 2],
  })
  const meta = JSON.stringify({ v: 1, authenticatedAt: now - n, level: 1, factors: ['password'] })
  const times = { createdAt: now - n, seenAt: now, expiresAt: now + HOUR + (n % 1000) }
  const record = { state: 'live', version: 1, handle: text.slice(46, 62) + n, ...times, meta, data } as const
  return { key, record: n % 2 === 0 ? record : { ...record, subject: `id:user-${n}` } }
}
