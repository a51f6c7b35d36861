import type { Clock } from '../../core/clock.ts'
import type { StoreNotice, WatchableStore } from '../../core/store.ts'
import type { RecordCache } from './cache.ts'

/** Keeps the cache honest. */
export interface Vigil {
  /** Whether endings are heard at this moment; when they are not, begins again to listen if that is due. */
  isHeld(): boolean
  /** Hands the notice on after the cache has heard it. */
  hearing(listener: (notice: StoreNotice) => void): (notice: StoreNotice) => void
  end(): Promise<void>
}

/** Without a timer: a read that finds nobody listening begins to, at most once in `pause` milliseconds. */
export function vigil(store: WatchableStore, cache: RecordCache, pause: number, now: Clock): Vigil {
  const line = lineTo(store, cache)
  let triedAt = -Infinity
  let isOver = false
  return {
    isHeld() {
      if (line.isOpen() || isOver) return line.isOpen()
      const time = now()
      // The other way round a clock that is put back would keep it from trying.
      if (!(Math.abs(time - triedAt) < pause)) {
        triedAt = time
        line.open()
      }
      return false
    },
    hearing: (listener) => (notice) => {
      cache.hear(notice)
      listener(notice)
    },
    async end() {
      isOver = true
      await line.shut()
    },
  }
}

function lineTo(store: WatchableStore, cache: RecordCache) {
  let end: (() => Promise<void>) | undefined
  let opening: Promise<void> | undefined
  let wasInterrupted = false

  const shut = async (): Promise<void> => {
    const running = end
    end = undefined
    // What can fail here is a connection that is lost already.
    await running?.().catch(() => undefined)
  }
  const hear = (notice: StoreNotice): void => {
    cache.hear(notice)
    if (notice.kind !== 'interrupted') return
    wasInterrupted = true
    void shut()
  }
  const openNow = async (): Promise<void> => {
    wasInterrupted = false
    try {
      end = await store.watch(hear)
      // What was under way before may have ended unheard.
      cache.hear({ kind: 'interrupted' })
      if (wasInterrupted) await shut()
    } catch {
      // All reads go to the store meanwhile, which tells how it is, and one of them tries again.
    }
  }
  return {
    isOpen: () => end !== undefined,
    open() {
      opening ??= openNow().finally(() => (opening = undefined))
    },
    async shut() {
      await opening
      await shut()
    },
  }
}
