/** How far the endings have been read. */
export interface Place {
  /** All endings up to here were read, or never were. */
  readonly after: number
  /** Which of these, in the order of their ids, were not read before. */
  readonly fresh: (ids: readonly number[], now: number) => readonly number[]
}

/**
 * Ids are given before the commit, so a smaller one may become visible after a larger one. An id that is missing is
 * therefore looked for again until it comes, or for `patience` milliseconds: what was rolled back never comes.
 */
export function createPlace(start: number, patience: number): Place {
  let after = start
  let top = start
  const read = new Set<number>()
  const tops: { readonly id: number; readonly at: number }[] = []
  const advance = (to: number): void => {
    for (; after < to; after++) read.delete(after + 1)
    while (read.delete(after + 1)) after++
  }
  return {
    get after() {
      return after
    },
    fresh(ids, now) {
      const unread = ids.filter((id) => id > after && !read.has(id))
      for (const id of unread) read.add(id)
      const last = unread.at(-1)
      if (last !== undefined && last > top) {
        top = last
        tops.push({ id: top, at: now })
      }
      let settled = after
      for (; tops[0] !== undefined && tops[0].at <= now - patience; tops.shift()) settled = tops[0].id
      advance(settled)
      return unread
    },
  }
}
