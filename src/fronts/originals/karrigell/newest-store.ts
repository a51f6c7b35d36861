import type { StoreKey } from '../../../core/key.ts'
import type { ClosableStore, ScannableStore, Store, SweepableStore } from '../../../core/store.ts'

/**
 * The store with a bound: when there would be a tenth more than `most` sessions, those that were used last stay, `most`
 * of them. Counted again after every tenth, so that of several processes each may be ahead by one.
 */
export function newestStore<S extends Store & ScannableStore & SweepableStore & ClosableStore>(
  inner: S,
  most: number,
): S {
  const slack = Math.floor(most / 10)
  let room = 0
  let last: Promise<unknown> = Promise.resolve()
  const makeRoom = async (): Promise<void> => {
    while (!(await inner.sweep(250)).isDone);
    const sessions: (readonly [StoreKey, number])[] = []
    for await (const page of inner.scan()) for (const [key, { seenAt }] of page) sessions.push([key, seenAt])
    room = most + slack - sessions.length
    if (room > 0) return
    // One fewer, for the session that is about to come.
    const oldest = sessions.toSorted(([, a], [, b]) => b - a).slice(most - 1)
    for (const [key] of oldest) await inner.delete(key)
    room = slack + 1
  }
  return {
    ...inner,
    insert(key, record, cap) {
      const own = { ...record }
      const result = last.then(async () => {
        if (room < 1) await makeRoom()
        const inserted = await inner.insert(key, own, cap)
        room -= 1
        return inserted
      })
      last = result.catch(() => undefined)
      return result
    },
    async close() {
      await last
      await inner.close()
    },
  }
}
