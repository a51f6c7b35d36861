import type { Store } from '../core/store.ts'
import type { StoreCall, StoreMethod } from './intercept.ts'
import { interceptStore } from './intercept.ts'

/** A store that remembers the calls made on it. */
export interface CountingStore<S extends Store> {
  readonly store: S
  /** The calls since the start or the last reset, in order. */
  readonly calls: readonly StoreCall[]
  /** How many calls there were: of one method, or in all. */
  readonly count: (method?: StoreMethod) => number
  /** Counts from zero again. */
  readonly reset: () => void
}

/** Counts the calls that reach `inner`. */
export function countingStore<S extends Store>(inner: S): CountingStore<S> {
  const calls: StoreCall[] = []
  const store = interceptStore(inner, (call, run) => {
    calls.push(call)
    return run()
  })
  return {
    store,
    calls,
    count: (method) => (method === undefined ? calls.length : calls.filter((call) => call.method === method).length),
    reset: () => {
      calls.length = 0
    },
  }
}
