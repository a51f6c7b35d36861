import type { MemoryStore, MemoryStoreOptions } from '../../src/stores/memory.ts'
import { memoryStore } from '../../src/stores/memory.ts'

/** A store that tells nobody of endings, as SQLite's: other processes find them by asking. */
export function unwatchedStore(options: MemoryStoreOptions): Omit<MemoryStore, 'watch'> {
  const { watch: _, ...store } = memoryStore(options)
  return store
}
