import { expect, onTestFinished } from 'vitest'
import type { Clock } from '../../../src/core/clock.ts'
import type { CompleteStore } from '../../../src/core/store.ts'
import { lackingFor, type StoreCase } from '../../../src/testing/index.ts'

const START = 1_700_000_000_000

/**
 * Plays a case of the kit on a store that moves its own clock; it may lack nothing that a case needs.
 * @param open opens the store, and further handles on the same place as another process would.
 */
export async function playCase(storeCase: StoreCase, open: (now: Clock) => CompleteStore): Promise<void> {
  let time = START
  const now = (): number => time
  const opened = (): CompleteStore => {
    const store = open(now)
    onTestFinished(() => store.close())
    return store
  }
  const store = opened()
  const harness = {
    store,
    now,
    advance: async (milliseconds: number) => {
      time += milliseconds
    },
    reopen: async () => {
      await store.close()
      return opened()
    },
    another: async () => opened(),
  }
  expect(lackingFor(storeCase, harness)).toEqual([])
  await storeCase.run(harness)
}
