import { pause } from '#platform'
import { lockedTooLong } from './errors.ts'
import type { Save } from './saves.ts'

// As long as the procedures that wait do.
const PATIENCE_MS = 1000
// The beat while nothing changes: how much later than its row is free a save is done, and how often the server is asked.
const LONGEST_PAUSE_MS = 25

interface Waiting {
  readonly save: Save
  readonly since: number
  readonly leave: () => void
}

/** Where saves wait whose rows other transactions hold. */
export interface WaitingRoom {
  /** Resolves when the save is done, or has failed because its row was held for too long. */
  readonly enter: (save: Save) => Promise<void>
}

/**
 * Asks again for all of them together, one call at a time: however many rows are held, and for however long, they take one
 * connection for the moment of the call. A statement that waits on the server would keep one for each.
 * @param run tells the callers, and gives the saves whose rows are still locked.
 */
export function createWaitingRoom(run: (saves: readonly Save[]) => Promise<readonly Save[]>): WaitingRoom {
  let inside: Waiting[] = []
  let tries = 0
  const isStillWaiting = (locked: ReadonlySet<Save>, { save, since, leave }: Waiting): boolean => {
    const isLocked = locked.has(save)
    if (isLocked && performance.now() - since < PATIENCE_MS) return true
    if (isLocked) save.fail(lockedTooLong())
    leave()
    return false
  }
  const serve = async (): Promise<void> => {
    while (inside.length > 0) {
      // At random: two processes that wait for one row do not ask in step.
      await pause(Math.random() * Math.min(2 ** ++tries, LONGEST_PAUSE_MS))
      const asked = inside
      const locked = new Set(await run(asked.map(({ save }) => save)))
      const came = inside.slice(asked.length)
      inside = [...asked.filter((one) => isStillWaiting(locked, one)), ...came]
    }
  }
  return {
    enter: (save) =>
      new Promise((resolve) => {
        tries = 0
        inside = [...inside, { save, since: performance.now(), leave: resolve }]
        // Its caller is told of a failure by `run`, which never rejects.
        if (inside.length === 1) void serve()
      }),
  }
}
