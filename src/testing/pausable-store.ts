import { checkNames, optionNames } from '../core/options.ts'
import type { Store } from '../core/store.ts'
import type { StoreCall, StoreMethod } from './intercept.ts'
import { interceptStore } from './intercept.ts'

/** `before` the inner store was asked, or `after` it answered and before the caller hears of it. */
export type Stage = 'before' | 'after'

/** A call that waits for the test. */
export interface HeldCall extends StoreCall {
  /** The number of the call, from 1 on; the same at both stages. */
  readonly number: number
  readonly stage: Stage
  /** Lets it go on. */
  readonly release: () => void
  /** Makes it reject: before, the inner store is never asked; after, its answer is lost. */
  readonly fail: (error: Error) => void
}

/** Which calls to hold: all that fit. */
export interface HoldRule {
  /**
   * Calls of this method only.
   * @defaultValue every method
   */
  readonly method?: StoreMethod
  /** @defaultValue `'before'` */
  readonly stage?: Stage
  /**
   * Whether to hold this call.
   * @defaultValue all calls
   */
  readonly when?: (call: StoreCall) => boolean
}

const RULE_NAMES = optionNames<HoldRule>({ method: true, stage: true, when: true })

/** A store whose calls a test holds and releases in any order, to play one exact interleaving. */
export interface PausableStore<S extends Store> {
  readonly store: S
  /** Holds from now on the calls that fit; the function that is given back ends that, and releases nothing. */
  readonly hold: (rule?: HoldRule) => () => void
  /** The calls that wait, in the order in which they began to. */
  readonly held: (rule?: HoldRule) => readonly HeldCall[]
  /** The first call that waits and fits, as soon as there is one. */
  readonly nextHeld: (rule?: HoldRule) => Promise<HeldCall>
  /** Ends all holding and releases everything that waits. */
  readonly releaseAll: () => void
}

/** Makes every call on `inner` one that a test can hold. Nothing is held until `hold` is called. */
export function pausableStore<S extends Store>(inner: S): PausableStore<S> {
  const room: Room = { rules: new Set(), waiting: new Set(), watchers: new Set() }
  let count = 0
  const store = interceptStore(inner, async (call, run) => {
    const number = ++count
    await passThrough(room, { ...call, number, stage: 'before' })
    const answer = await run()
    await passThrough(room, { ...call, number, stage: 'after' })
    return answer
  })
  const held = (rule: HoldRule = {}): readonly HeldCall[] => {
    checkNames('held', rule, RULE_NAMES)
    return [...room.waiting].filter((call) => isAsked(rule, call))
  }
  return {
    store,
    hold: (rule = {}) => {
      checkNames('hold', rule, RULE_NAMES)
      const own: HoldRule = { stage: 'before', ...rule }
      room.rules.add(own)
      return () => {
        room.rules.delete(own)
      }
    },
    held,
    nextHeld: async (rule) => held(rule)[0] ?? (await watchFor(room, rule)),
    releaseAll: () => {
      room.rules.clear()
      for (const call of room.waiting) call.release()
    },
  }
}

interface Room {
  readonly rules: Set<HoldRule>
  readonly waiting: Set<HeldCall>
  readonly watchers: Set<(call: HeldCall) => void>
}

async function passThrough(room: Room, call: Omit<HeldCall, 'release' | 'fail'>): Promise<void> {
  if (![...room.rules].some((rule) => isAsked(rule, call))) return
  await new Promise<void>((resolve, reject) => {
    const leave = (fn: () => void): void => {
      if (room.waiting.delete(held)) fn()
    }
    const held: HeldCall = { ...call, release: () => leave(resolve), fail: (error) => leave(() => reject(error)) }
    room.waiting.add(held)
    for (const watcher of room.watchers) watcher(held)
  })
}

/** A question without a stage means both. */
function isAsked(rule: HoldRule | undefined, call: StoreCall & { readonly stage: Stage }): boolean {
  if (rule?.method !== undefined && rule.method !== call.method) return false
  if (rule?.stage !== undefined && rule.stage !== call.stage) return false
  return rule?.when?.(call) ?? true
}

function watchFor(room: Room, rule: HoldRule | undefined): Promise<HeldCall> {
  return new Promise((resolve) => {
    const watcher = (call: HeldCall): void => {
      if (!isAsked(rule, call)) return
      room.watchers.delete(watcher)
      resolve(call)
    }
    room.watchers.add(watcher)
  })
}
