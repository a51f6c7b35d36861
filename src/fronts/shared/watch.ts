import type { SessionEventName } from '../../core/events.ts'
import type { Sessions } from '../../core/sessions.ts'
import type { StoreNotice, WatchableStore } from '../../core/store.ts'

/** Calls `fn` once, later; the returned function cancels it. */
export type Timer = (milliseconds: number, fn: () => void) => () => void

/** A session to look after. */
export interface Watched {
  readonly reference: string | undefined
  readonly subject: string | undefined
  /** Asks the store whether it still lives. */
  check(): Promise<unknown>
  /** Whether a notice of the store is about it. */
  isMeant(notice: StoreNotice): boolean
  /** Hears what its store tells, which is everybody's; undefined where the store tells nothing. */
  watchStore(listener: (notice: StoreNotice) => void): ReturnType<WatchableStore['watch']> | undefined
}

/** Looks after sessions that outlast their request: one timer for all, and none while there are none. */
export interface Watch {
  add(watched: Watched): void
  delete(watched: Watched): void
  /** Checks all now. A check that fails is left to the next time: the engine has told of it. */
  check(): Promise<void>
}

// What may have ended sessions in this process, or given them another key.
const NEWS = ['destroyed', 'revoked', 'evicted', 'login', 'elevated', 'rotated'] as const satisfies SessionEventName[]

/** Checks at a time: the store has requests to serve as well. */
const LANES = 32

/** A watch that checks each session every so many milliseconds, and at once when this process or the store tells of it. */
export function createWatch<Data extends object>(sessions: Sessions<Data>, every: number, timer: Timer): Watch {
  const all = new Set<Watched>()
  let stop: (() => void) | undefined

  function start(first: Watched): () => void {
    let isRunning = true
    let cancel = timer(every, tick)
    const ear = earAt(first, (notice) => void check([...all].filter((watched) => watched.isMeant(notice))))
    function tick(): void {
      ear.open()
      void check([...all]).then(() => {
        if (isRunning) cancel = timer(every, tick)
      })
    }
    const deaf = NEWS.map((name) => sessions.on(name, (event) => void check(concerned(all, event))))
    return () => {
      isRunning = false
      cancel()
      ear.close()
      for (const forget of deaf) forget()
    }
  }

  return {
    add(watched) {
      all.add(watched)
      stop ??= start(watched)
    },
    delete(watched) {
      all.delete(watched)
      if (all.size > 0) return
      stop?.()
      stop = undefined
    },
    check: () => check([...all]),
  }
}

async function check(queue: readonly Watched[]): Promise<void> {
  const rest = queue.values()
  const lane = async (): Promise<void> => {
    for (const watched of rest) await watched.check().catch(() => undefined)
  }
  await Promise.all(Array.from({ length: Math.min(LANES, queue.length) }, lane))
}

/**
 * Hears of endings in other processes where the store tells of them. What it misses while the store cannot be reached is
 * found by the checks, and so is that it can be reached again.
 */
function earAt(watched: Watched, hear: (notice: StoreNotice) => void) {
  let opened: Promise<(() => Promise<void>) | undefined> | undefined
  const open = (): void => {
    opened ??= watched.watchStore(hear)?.catch(() => (opened = undefined))
  }
  open()
  return {
    open,
    close() {
      opened?.then((stop) => stop?.()).catch(() => undefined)
    },
  }
}

/** The sessions that an event is about: the one it names, those of the user it names, or all. */
function concerned(
  all: Iterable<Watched>,
  event: { readonly reference?: string; readonly subject?: string | undefined },
): readonly Watched[] {
  const { reference, subject } = event
  const isAboutAll = reference === undefined && subject === undefined
  return [...all].filter(
    (watched) =>
      isAboutAll ||
      (reference !== undefined && watched.reference === reference) ||
      (subject !== undefined && watched.subject === subject),
  )
}
