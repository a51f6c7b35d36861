import { nextTurn } from '#platform'
import type { Clock } from '../clock.ts'
import { SessionError } from '../errors.ts'
import type { Emitter } from '../events.ts'
import type { StoreGuard } from './guard.ts'
import type { Store } from '../store.ts'
import { isSweepable } from '../store.ts'

/** Removed at a time: about a millisecond's work for the embedded stores. */
const BATCH = 250

/** Removes expired records, in batches with room for requests in between; without a timer. */
export interface Sweeper {
  /** Sweeps now, or joins the sweep that is running. */
  sweep(): Promise<number>
  /** Starts a sweep in the background if the last one began long enough ago. */
  sweepWhenDue(): void
  /** Ends a running sweep after its batch. */
  stop(): Promise<void>
}

/** A sweeper for the store, at most one sweep each `every` milliseconds by itself. */
export function createSweeper(store: Store, every: number, now: Clock, guard: StoreGuard, emitter: Emitter): Sweeper {
  let running: Promise<number> | undefined
  let lastAt = now()
  let isStopped = false

  async function run(): Promise<number> {
    if (!isSweepable(store)) return 0
    let removed = 0
    for (let isDone = false; !isDone && !isStopped;) {
      const batch = await guard.call('sweep', undefined, () => store.sweep(BATCH))
      removed += batch.removed
      isDone = batch.isDone
      if (!isDone) await new Promise<void>(nextTurn)
    }
    emitter.emit('swept', { removed })
    return removed
  }

  function sweep(): Promise<number> {
    lastAt = now()
    running ??= run().finally(() => (running = undefined))
    return running
  }

  return {
    async sweep() {
      if (isStopped) throw new SessionError('closed', 'sessions.sweep: the sessions are closed')
      return sweep()
    },
    sweepWhenDue() {
      if (isStopped || running !== undefined || now() - lastAt < every) return
      // The guard has told of a failure; the next request tries again when it is due.
      sweep().catch(() => undefined)
    },
    async stop() {
      isStopped = true
      await running?.catch(() => undefined)
    },
  }
}
