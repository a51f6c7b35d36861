import { monotonicNow, pause } from '#platform'
import { isMoving } from './faults.ts'

// Below the `storeTimeout` of the sessions, which is two seconds unless it is set: what begins after that helps nobody.
const PATIENCE_MS = 1_500
const [SHORTEST_MS, LONGEST_MS] = [10, 160]

/** Decides what becomes of an error: it is told, or the same is asked again. */
export type Retry = (error: unknown) => void

/**
 * While a Cluster moves a slot, its servers refuse what needs keys on both sides, and have done nothing then. It is asked
 * again after pauses that become longer, as long as somebody waits for it.
 * @param again sends it once more. @param fail tells that it could not be done.
 */
export function patiently(again: () => void, fail: (error: unknown) => void): Retry {
  let until: number | undefined
  let wait = SHORTEST_MS
  return (error) => {
    if (!isMoving(error)) return fail(error)
    until ??= monotonicNow() + PATIENCE_MS
    if (monotonicNow() + wait > until) return fail(error)
    void afterPause(wait, again)
    wait = Math.min(wait * 2, LONGEST_MS)
  }
}

async function afterPause(milliseconds: number, fn: () => void): Promise<void> {
  await pause(milliseconds)
  fn()
}
