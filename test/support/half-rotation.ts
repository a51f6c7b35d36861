import type { Store } from '../../src/core/store.ts'
import { interceptStore } from '../../src/testing/index.ts'

/**
 * The store on a cluster, where old and new record lie on different servers, at a bad moment: of the first rotation the new
 * record is inserted, then `between` is done, and then the connection breaks.
 */
export function halfRotation<S extends Store>(store: S, between: () => Promise<unknown> = () => Promise.resolve()): S {
  let breaks = true
  return interceptStore(store, async ({ method, args }, run) => {
    if (method !== 'rotate' || !breaks) return run()
    breaks = false
    const [, , newKey, record] = args as unknown as Parameters<Store['rotate']>
    await store.insert(newKey, record)
    await between()
    throw new Error('the connection broke')
  })
}
