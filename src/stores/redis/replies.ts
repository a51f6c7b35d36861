import type { SessionRecord, Tombstone, UpdateResult } from '../../core/store.ts'
import { damaged, presentIn, textOf } from './values.ts'

/** A whole number in a reply; some clients are set to give them as text. */
export function numberIn(reply: unknown): number {
  const value = typeof reply === 'number' ? reply : Number(reply)
  if (reply === null || !Number.isSafeInteger(value)) throw damaged()
  return value
}

/** Whether the script did what it was asked. */
export function isDone(reply: unknown): boolean {
  return typeof reply !== 'string' || reply.length === 1 ? reply !== null && numberIn(reply) === 1 : false
}

/** What a script found where it could not do what it was asked. */
export function missIn(reply: unknown): Exclude<UpdateResult, { readonly outcome: 'updated' }> {
  if (reply === null) return { outcome: 'gone' }
  if (typeof reply !== 'string') throw damaged()
  return missOf(presentIn(reply))
}

function missOf(found: SessionRecord | Tombstone): Exclude<UpdateResult, { readonly outcome: 'updated' }> {
  if (found.state === 'live') return { outcome: 'conflict', current: found }
  return { outcome: 'gone', tombstone: found }
}

/** The handles that a script gives. */
export function handlesIn(reply: unknown): readonly string[] {
  return textsIn(reply).map(textOf)
}

/** The records that a script gives. */
export function recordsIn(reply: unknown): readonly SessionRecord[] {
  return textsIn(reply).map((value) => {
    const record = presentIn(value)
    if (record.state !== 'live') throw damaged()
    return record
  })
}

/** A list of texts. */
export function textsIn(reply: unknown): readonly string[] {
  if (!Array.isArray(reply)) throw damaged()
  return reply.map((text: unknown) => {
    if (typeof text !== 'string') throw damaged()
    return text
  })
}
