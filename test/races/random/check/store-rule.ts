import { isDeepStrictEqual } from 'node:util'
import type { SubjectCap } from '../../../../src/core/store.ts'
import { LIMITS } from '../world.ts'
import type { MakeRule } from './rule.ts'

const HOUR = 3_600_000

/** Keys and names are used once, limits are kept, and what is left at the end is what must be. */
export const storeRule =
  (cap: SubjectCap | undefined): MakeRule =>
  ({ model, blame }) => {
    const inserted = new Map<number, string>()
    const unanswered = new Map<string, number>()
    return {
      expect({ verb }, write) {
        if (write === undefined) return
        const { newKey, oldKey, before, record } = write
        // Whoever got no answer may insert the same once more, unless it is a user's: others could list and end that one.
        const isRepeated = write.method === 'insert' && record.subject === undefined && unanswered.get(newKey) === verb
        if (newKey !== oldKey && model.wasKnown(newKey) && !isRepeated) blame(`a key is used a second time: ${newKey}`)
        if (record.handle !== before?.handle && model.wasKnown(record.handle) && !isRepeated) {
          blame(`a session that was there before lives again: ${record.handle}`)
        }
        if (write.method === 'update' && record.subject !== before?.subject) blame('an update changed the user')
        if (record.expiresAt > record.createdAt + HOUR)
          blame(`a record outlives the absolute limit of ${LIMITS.absolute}`)
      },
      write({ verb }, { method, newKey }) {
        if (method === 'insert' && verb !== undefined) inserted.set(verb, newKey)
        const handles = new Set<string>()
        const counts = new Map<string, number>()
        for (const { handle, subject } of model.all().values()) {
          if (handles.has(handle)) blame(`two live records of one session: ${handle}`)
          handles.add(handle)
          if (subject !== undefined) counts.set(subject, (counts.get(subject) ?? 0) + 1)
        }
        for (const [subject, count] of counts) {
          if (cap !== undefined && count > cap.max)
            blame(`${subject} has ${count} sessions, over the limit of ${cap.max}`)
        }
      },
      see(entry) {
        if (entry.type === 'fault' && entry.stage === 'after' && entry.verb !== undefined) {
          const key = inserted.get(entry.verb)
          if (key !== undefined) unanswered.set(key, entry.verb)
        }
        if (entry.type !== 'left') return
        const must = [...model.all().keys()].toSorted()
        if (!isDeepStrictEqual(entry.keys.toSorted(), must)) {
          blame(
            `the store holds ${entry.keys.join(', ') || 'nothing'} at the end; it must hold ${must.join(', ') || 'nothing'}`,
          )
        }
      },
    }
  }
