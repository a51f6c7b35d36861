import { background } from '#platform'
import type { Clock } from '../clock.ts'
import type { StoreGuard } from './guard.ts'
import type { Policy } from '../policy.ts'
import { expiryAt } from '../policy.ts'
import type { State } from './state.ts'
import type { Store } from '../store.ts'

/** The requests that have loaded or begun a session and not yet answered: while one is under way its session is in use. */
export interface UnderWay<Data extends object> {
  /** From now on the session of this request is kept from idling out, until its response begins. */
  add(state: State<Data>): void
  /** The response begins, so that what follows is no use. */
  delete(state: State<Data>): void
  /** Keeps nothing any more. */
  close(): void
}

/** A request that has been under way for long. Held weakly: one that its application has forgotten keeps nothing alive. */
interface Long<Data extends object> {
  readonly ref: WeakRef<State<Data>>
  expiresAt: number
  /** When use is written down next; undefined when it never is again. */
  dueAt: number | undefined
}

/** By what use is written down. */
interface Means {
  readonly policy: Policy
  readonly store: Store
  readonly guard: StoreGuard
}

/** Writes down use when a third of what the session has left is over. Quick requests are never looked at. */
export function createUnderWay<Data extends object>(means: Means, now: Clock): UnderWay<Data> {
  // Each knows its place: a Set cost a tenth of all that the engine does for a page that reads.
  const quick: State<Data>[] = []
  let long: readonly Long<Data>[] = []
  let isOff = false
  const alarm = createAlarm(look)

  function look(): void {
    const time = now()
    const late = empty(quick).flatMap((state) => (isInUse(state) ? [longFrom(state, time)] : []))
    for (const request of long) {
      const state = request.ref.deref()
      if (state === undefined || !isInUse(state)) request.dueAt = undefined
      else if (request.dueAt !== undefined && request.dueAt <= time) void keep(means, request, state, time)
    }
    long = [...long, ...late].filter(({ dueAt, expiresAt }) => dueAt !== undefined && expiresAt > time)
    for (const { dueAt = Infinity } of long) alarm.ringAt(dueAt, time)
  }

  return {
    add(state) {
      if (isOff || state.live === undefined || state.isCommitted || state.place >= 0) return
      const { seenAt, expiresAt } = state.live.record
      // Mostly the clock need not be asked.
      if (dueAfter(seenAt, expiresAt) < alarm.ringsAt()) {
        const time = now()
        isOff = !alarm.ringAt(dueAfter(time, expiresAt), time)
      }
      if (!isOff) state.place = quick.push(state) - 1
    },
    delete: (state) => removeFrom(quick, state),
    close() {
      isOff = true
      alarm.stop()
      empty(quick)
      long = []
    },
  }
}

async function keep<Data extends object>(
  { policy, store, guard }: Means,
  request: Long<Data>,
  state: State<Data>,
  time: number,
): Promise<void> {
  const { live } = state
  if (live === undefined) return
  const expiresAt = expiryAt(policy, { ...live.record, ...live.meta }, time)
  // At its absolute limit it ends, used or not.
  request.dueAt = expiresAt > request.expiresAt ? dueAfter(time, request.expiresAt) : undefined
  if (request.dueAt === undefined) return
  try {
    if (await guard.call('touch', state, () => store.touch(live.key, time, expiresAt))) request.expiresAt = expiresAt
    else request.dueAt = undefined
  } catch {
    // The guard has told of it, and the next look tries again.
  }
}

/** One timer for all requests, and only while there are some. */
interface Alarm {
  /** When it rings, as far as it is set. */
  ringsAt(): number
  /** Rings at that instant at the latest. False where the platform has no timer outside a request. */
  ringAt(at: number, time: number): boolean
  stop(): void
}

/** Timers take 31 bits. One that rings too early is set again. */
const LONGEST_TIMER = 2_000_000_000

function createAlarm(ring: () => void): Alarm {
  let next = Infinity
  let cancel: (() => void) | undefined
  return {
    ringsAt: () => next,
    ringAt(at, time) {
      if (at >= next) return true
      cancel?.()
      next = at
      cancel = background(Math.min(Math.max(at - time, 1), LONGEST_TIMER), () => {
        next = Infinity
        ring()
      })
      return cancel !== undefined
    },
    stop: () => cancel?.(),
  }
}

function removeFrom<Data extends object>(quick: State<Data>[], state: State<Data>): void {
  const { place } = state
  const last = place < 0 ? undefined : quick.pop()
  if (last !== undefined && last !== state) {
    quick[place] = last
    last.place = place
  }
  state.place = -1
}

function empty<Data extends object>(quick: State<Data>[]): readonly State<Data>[] {
  for (const state of quick) state.place = -1
  return quick.splice(0)
}

function longFrom<Data extends object>(state: State<Data>, time: number): Long<Data> {
  const expiresAt = state.live?.record.expiresAt ?? 0
  return { ref: new WeakRef(state), expiresAt, dueAt: dueAfter(time, expiresAt) }
}

function dueAfter(time: number, expiresAt: number): number {
  return time + (expiresAt - time) / 3
}

// Nobody waits for the answer to a client that has hung up.
function isInUse<Data extends object>({ live, isCommitted, facts }: State<Data>): boolean {
  return live !== undefined && !isCommitted && facts.hasHungUp !== true
}
