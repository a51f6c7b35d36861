import type { FullStore } from './reference.ts'
import type { Ground } from './wrong-store.ts'
import { pause } from './wrong-store.ts'

/** Counts first, and makes room after the insertion. */
export function lateCap({ good }: Ground): Partial<FullStore> {
  return {
    insert: async (key, record, cap) => {
      const { subject } = record
      if (cap === undefined || subject === undefined) return await good.insert(key, record)
      const before = await good.listBySubject(subject)
      const surplus = before.slice(0, Math.max(0, before.length + 1 - cap.max))
      if (surplus.length > 0 && cap.onLimit === 'reject') return { outcome: 'limit' }
      await pause()
      const result = await good.insert(key, record)
      if (result.outcome !== 'inserted') return result
      for (const { handle } of surplus) await good.deleteByHandle(subject, handle)
      return { outcome: 'inserted', evicted: surplus.map(({ handle }) => handle) }
    },
  }
}
