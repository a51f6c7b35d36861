import { entryIn } from './entry.ts'
import type { Atomically, Entry } from './keyed-store.ts'

/** What somebody's own store can do: three steps, none of which knows of the others. */
export interface Cells {
  read(key: string): unknown
  write(key: string, entry: Entry): unknown
  remove(key: string): unknown
}

/**
 * Makes steps atomic by letting each key's work end before the next begins. That holds in this process: two processes
 * on one such store can still lose each other's changes.
 */
export function queued(cells: Cells): Atomically {
  const last = new Map<string, Promise<unknown>>()
  const work: Atomically = async (keys, decide) => {
    const entries: (Entry | undefined)[] = []
    for (const key of keys) entries.push(entryIn(await cells.read(key)))
    const { result, writes = [] } = decide(entries)
    const done: string[] = []
    try {
      for (const [key, entry] of writes) {
        await (entry === undefined ? cells.remove(key) : cells.write(key, { ...entry }))
        done.push(key)
      }
    } catch (error) {
      // Of a step with two writes the first is a session that nobody will hear of: it must not stay.
      for (const key of done) await Promise.resolve(cells.remove(key)).catch(() => undefined)
      throw error
    }
    return result
  }
  return async (keys, decide) => {
    // All keys at once, so that two callers never wait for each other.
    const before = Promise.allSettled(keys.flatMap((key) => last.get(key) ?? []))
    const result = before.then(() => work(keys, decide))
    for (const key of keys) last.set(key, result)
    try {
      return await result
    } finally {
      for (const key of keys) if (last.get(key) === result) last.delete(key)
    }
  }
}
