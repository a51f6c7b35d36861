import type { StoreKey } from '../../core/key.ts'
import type { SessionRecord, UpdateResult } from '../../core/store.ts'
import { type Caller, type Save, touchOf, updateOf } from './saves.ts'

/** Lets saves of one session that were asked for in one turn be one. */
export interface Joining {
  readonly update: (key: StoreKey, version: number, record: SessionRecord, caller: Caller<UpdateResult>) => void
  readonly touch: (key: StoreKey, seenAt: number, expiresAt: number, caller: Caller<boolean>) => void
  /** The save goes to the server now: nothing joins it any more. */
  readonly sent: (save: Save) => void
}

/** @param add takes each save that is not part of another. */
export function createJoining(add: (save: Save) => void): Joining {
  // The last save of each key that has not been sent.
  const waiting = new Map<StoreKey, Save>()
  const begin = (save: Save): void => {
    waiting.set(save.key, save)
    add(save)
  }
  return {
    update(key, version, record, caller) {
      const last = waiting.get(key)
      // From the same version only the first can succeed; the others fail at the same instant.
      if (last?.op === 'update' && last.version === version) last.callers.push(caller)
      else begin(updateOf(key, version, record, caller))
    },
    touch(key, seenAt, expiresAt, caller) {
      const last = waiting.get(key)
      if (last?.op !== 'touch') return begin(touchOf(key, seenAt, expiresAt, caller))
      last.seenAt = Math.max(last.seenAt, seenAt)
      last.expiresAt = Math.max(last.expiresAt, expiresAt)
      last.callers.push(caller)
    },
    sent(save) {
      if (waiting.get(save.key) === save) waiting.delete(save.key)
    },
  }
}
