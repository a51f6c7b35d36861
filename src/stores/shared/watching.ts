import { later } from '#platform'
import type { StoreNotice, WatchableStore } from '../../core/store.ts'
import { createWatchers } from './watchers.ts'

/** What a subscription tells. */
export interface Hearing {
  readonly onNotice: (notice: StoreNotice) => void
  /** The subscription has ended by itself. Told once, and not after it was stopped. */
  readonly onLost: () => void
}

/** Opens one subscription; resolves as soon as notices come, with what ends it. */
export type Listen = (hearing: Hearing) => Promise<() => Promise<void>>

/** The watchers of a store. */
export interface Watching extends WatchableStore {
  /** Ends the subscription; nobody is told anything any more. */
  close(): Promise<void>
}

const SHORTEST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 5_000

/**
 * Shares one subscription among all watchers of a store, open while there is one. When it is lost, all are told
 * `interrupted` at once, and again when the next one is open: what happened in between, nobody heard.
 */
export function createWatching(listen: Listen): Watching {
  const watchers = createWatchers()
  const line = createLine(listen, watchers.tell, () => watchers.size > 0)
  return {
    async watch(listener) {
      const leave = watchers.add(listener)
      try {
        await line.open()
      } catch (error) {
        leave()
        // Watchers from before still wait for the next subscription.
        line.openLater()
        throw error
      }
      return async () => {
        if (leave() && watchers.size === 0) await line.shut()
      }
    },
    async close() {
      watchers.clear()
      await line.shut()
    },
  }
}

/** One subscription after the other. */
interface Line {
  readonly open: () => Promise<void>
  /** Opens after a pause, and goes on trying. */
  readonly openLater: () => void
  readonly shut: () => Promise<void>
}

function createLine(listen: Listen, tell: (notice: StoreNotice) => void, isWanted: () => boolean): Line {
  let stop: (() => Promise<void>) | undefined
  let opening: Promise<void> | undefined
  const retry = createRetry(() => open().then(() => tell({ kind: 'interrupted' }), openLater))

  const onLost = (): void => {
    stop = undefined
    tell({ kind: 'interrupted' })
    openLater()
  }
  const openNow = async (): Promise<void> => {
    const end = await listen({ onNotice: tell, onLost })
    retry.relax()
    if (isWanted()) stop = end
    else await end()
  }
  const open = async (): Promise<void> => {
    if (stop !== undefined) return
    opening ??= openNow().finally(() => {
      opening = undefined
    })
    await opening
  }
  const openLater = (): void => {
    if (isWanted()) retry.later()
  }
  const shut = async (): Promise<void> => {
    retry.relax()
    await opening?.catch(() => undefined)
    const end = stop
    stop = undefined
    await end?.()
  }
  return { open, openLater, shut }
}

/** Attempts with pauses in between, longer from time to time. */
function createRetry(attempt: () => Promise<void>) {
  let cancel: (() => void) | undefined
  let failures = 0
  return {
    later() {
      if (cancel !== undefined) return
      const longest = Math.min(SHORTEST_PAUSE_MS * 2 ** failures++, LONGEST_PAUSE_MS)
      // Jitter: processes that lost the server together must not come back together.
      cancel = later(longest * (0.5 + Math.random() / 2), () => {
        cancel = undefined
        // It tells of its failure by trying again.
        void attempt()
      })
    },
    /** It works again, or nobody wants it: no attempt is due. */
    relax() {
      cancel?.()
      cancel = undefined
      failures = 0
    },
  }
}
