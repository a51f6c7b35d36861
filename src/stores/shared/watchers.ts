import type { StoreNotice, WatchableStore } from '../../core/store.ts'

/** Who watches a store, in this process. */
export interface Watchers extends WatchableStore {
  /** Told of everything from now on, until the returned function is called; that gives whether it was still there. */
  add(listener: (notice: StoreNotice) => void): () => boolean
  readonly tell: (notice: StoreNotice) => void
  clear(): void
  readonly size: number
}

export function createWatchers(): Watchers {
  const watchers = new Set<{ readonly listener: (notice: StoreNotice) => void }>()
  const add: Watchers['add'] = (listener) => {
    const watcher = { listener }
    watchers.add(watcher)
    return () => watchers.delete(watcher)
  }
  return {
    add,
    async watch(listener) {
      const leave = add(listener)
      return async () => void leave()
    },
    tell: (notice) => {
      for (const { listener } of watchers) {
        try {
          listener(notice)
        } catch {
          // One that throws must neither fail what has been done, nor end a connection, nor keep the others from hearing.
        }
      }
    },
    clear: () => watchers.clear(),
    get size() {
      return watchers.size
    },
  }
}
