import type { SessionEventName } from '../../core/events.ts'
import type { Sessions } from '../../core/sessions.ts'

/** Calls `fn` once, later; the returned function cancels it. */
export type Timer = (milliseconds: number, fn: () => void) => () => void

/** A session to look after. */
export interface Watched {
  readonly reference: string | undefined
  readonly subject: string | undefined
  /** Asks the store whether it still lives. */
  check(): Promise<unknown>
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

/** A watch that checks each session every so many milliseconds, and at once when this process hears of a change. */
export function createWatch<Data extends object>(sessions: Sessions<Data>, every: number, timer: Timer): Watch {
  const all = new Set<Watched>()
  let stop: (() => void) | undefined

  async function check(chosen: Iterable<Watched> = all): Promise<void> {
    const queue = [...chosen]
    const rest = queue.values()
    const lane = async (): Promise<void> => {
      for (const watched of rest) await watched.check().catch(() => undefined)
    }
    await Promise.all(Array.from({ length: Math.min(LANES, queue.length) }, lane))
  }

  function start(): () => void {
    let isRunning = true
    let cancel = timer(every, tick)
    function tick(): void {
      void check().then(() => {
        if (isRunning) cancel = timer(every, tick)
      })
    }
    const deaf = NEWS.map((name) => sessions.on(name, (event) => void check(concerned(all, event))))
    return () => {
      isRunning = false
      cancel()
      for (const forget of deaf) forget()
    }
  }

  return {
    add(watched) {
      all.add(watched)
      stop ??= start()
    },
    delete(watched) {
      all.delete(watched)
      if (all.size > 0) return
      stop?.()
      stop = undefined
    },
    check: () => check(),
  }
}

/** The sessions that an event is about: the one it names, those of the user it names, or all. */
function concerned(all: Iterable<Watched>, event: { reference?: string; subject?: string }): readonly Watched[] {
  const { reference, subject } = event
  const isAboutAll = reference === undefined && subject === undefined
  return [...all].filter(
    (watched) =>
      isAboutAll ||
      (reference !== undefined && watched.reference === reference) ||
      (subject !== undefined && watched.subject === subject),
  )
}
