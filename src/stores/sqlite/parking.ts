import type { TurnItem } from '../shared/turn.ts'
import { isBusy } from './database.ts'

/** Work that may have to wait for a lock that another process holds. */
export interface Parkable extends TurnItem {
  /** When to stop waiting. */
  deadline?: number
}

/** Where work waits for a lock without holding the event loop. */
export interface Parking<Item extends Parkable> {
  /** Keeps the items for another attempt if that is what the error calls for and there is time; else they fail. */
  readonly park: (items: readonly Item[], error: unknown) => void
  /** Gives out everything that waits, for an attempt. */
  readonly take: () => Item[]
  /** To be called after an attempt that got the lock. */
  readonly relax: () => void
  /** Resolves when nothing waits. */
  readonly empty: () => Promise<void>
}

const LONGEST_PAUSE_MS = 25

/**
 * @param patience milliseconds for which an item may wait.
 * @param retry called after a pause; what it cannot do it parks again.
 */
export function createParking<Item extends Parkable>(patience: number, retry: () => void): Parking<Item> {
  let parked: Item[] = []
  const waiters: (() => void)[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0

  const pause = (): void => {
    if (timer !== undefined) return
    // Jitter: processes that lost together must not come back together.
    const longest = Math.min(2 ** Math.min(++failures, 10), LONGEST_PAUSE_MS)
    timer = setTimeout(attempt, 1 + Math.random() * longest)
  }
  const attempt = (): void => {
    timer = undefined
    retry()
    if (parked.length > 0) return pause()
    for (const resolve of waiters.splice(0)) resolve()
  }

  return {
    park(items, error) {
      const now = performance.now()
      for (const item of items) {
        item.deadline ??= now + patience
        if (isBusy(error) && now < item.deadline) parked.push(item)
        else item.fail(error)
      }
      if (parked.length > 0) pause()
    },
    take() {
      const items = parked
      parked = []
      return items
    },
    relax() {
      failures = 0
    },
    // The timer ends what was taken in between by a turn, too.
    empty: () => (timer === undefined ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
  }
}
