import { setTimeout as pause } from 'node:timers/promises'
import { countingStore, faultStore, pausableStore } from 'sojourn/testing'
import type { FaultStore, StoreMethod } from 'sojourn/testing'
import { memoryStore } from 'sojourn/stores/memory'
import type { MemoryStore } from 'sojourn/stores/memory'

/** A memory store whose calls are counted, and can be made to wait or to fail. */
export interface WatchedStore {
  readonly store: MemoryStore
  /** Names of the calls for sessions since the last `forget`, in order. */
  calls(): readonly StoreMethod[]
  /** Those that change something. */
  writes(): readonly StoreMethod[]
  forget(): void
  /** From now on these methods reject, until `heal`. */
  fail(...methods: readonly StoreMethod[]): void
  /** From now on these methods take so many milliseconds, until `heal`. */
  delay(milliseconds: number, ...methods: readonly StoreMethod[]): void
  heal(): void
  /** Calls of the method wait from now on. The promise is there with the first; what it gives lets all go on. */
  hold(method: StoreMethod): Promise<() => void>
}

export function watchedStore(): WatchedStore {
  const pausable = pausableStore(memoryStore())
  const faulty: FaultStore<MemoryStore> = faultStore(pausable.store, {
    rules: [],
    error: new Error('backend down: db.internal refused the password hunter2'),
  })
  const counting = countingStore(faulty.store)
  const calls = (): readonly StoreMethod[] =>
    counting.calls.map(({ method }) => method).filter((method) => method !== 'sweep')
  return {
    store: counting.store,
    calls,
    writes: () => calls().filter((method) => method !== 'get'),
    forget: counting.reset,
    fail: (...methods) => faulty.setRules([{ fault: 'reject', methods }]),
    delay: (milliseconds, ...methods) => {
      const slowly = (run: () => Promise<unknown>): Promise<unknown> => pause(milliseconds).then(run)
      faulty.setRules(milliseconds === 0 ? [] : [{ fault: slowly, methods }])
    },
    heal: () => faulty.setRules([]),
    hold: async (method) => {
      pausable.hold({ method })
      await pausable.nextHeld({ method })
      return pausable.releaseAll
    },
  }
}
