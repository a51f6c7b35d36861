import { fileStore as realFileStore } from 'sojourn/stores/file'
import { memoryStore } from 'sojourn/stores/memory'
import { sqliteStore as realSqliteStore } from 'sojourn/stores/sqlite'
import { interceptStore } from 'sojourn/testing'
import type { ScannableStore, Store } from '../../../src/core/store.ts'

/** How much later than its answer a write happens. */
const DELAY_MS = 60

export const sqliteStore: typeof realSqliteStore = (options) => hasty(realSqliteStore(options))
export const fileStore: typeof realFileStore = (options) => hasty(realFileStore(options))

/** Wrong on purpose, as a cache in front of a store is that writes later: it answers before anything is written. */
function hasty<S extends Store & ScannableStore>(inner: S): S {
  const memory = memoryStore()
  const loading = load(inner, memory)
  return interceptStore(inner, async ({ method, args }, run) => {
    await loading
    if (method === 'close') return run()
    const answer: unknown = await Reflect.apply(
      Reflect.get(memory, method) as (...args: unknown[]) => unknown,
      memory,
      args,
    )
    if (method !== 'get') setTimeout(() => void run(), DELAY_MS)
    return answer
  })
}

async function load(from: ScannableStore, to: Store): Promise<void> {
  for await (const page of from.scan()) for (const [key, record] of page) await to.insert(key, record)
}
