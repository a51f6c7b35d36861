import { checkNames, optionNames } from '../core/options.ts'
import type { Store } from '../core/store.ts'
import type { StoreCall, StoreMethod } from './intercept.ts'
import { interceptStore } from './intercept.ts'
import { seededRandom } from './random.ts'

/**
 * `reject`: the call fails and nothing is applied. `drop-reply`: it is applied and then fails, as when a connection breaks
 * before the answer. `twice`: it is applied two times, and the second answer counts, as when a driver retries by itself.
 * A promise: the call waits for it first. A function: it stands in for the call.
 */
export type Fault =
  'reject' | 'drop-reply' | 'twice' | Promise<unknown> | ((run: () => Promise<unknown>) => Promise<unknown>)

/** What happens to which calls. A call that fits several rules meets the first of them. */
export interface FaultRule {
  readonly fault: Fault
  /** @defaultValue every method */
  readonly methods?: readonly StoreMethod[]
  /**
   * Only these calls, counted from 1 among those of the rule's methods.
   * @defaultValue every call
   */
  readonly calls?: readonly number[]
  /** Only this share of the calls, by the plan's seed. @defaultValue 1 */
  readonly chance?: number
  /**
   * Asked at each call; false lets it through.
   * @defaultValue each call fails
   */
  readonly when?: (call: StoreCall) => boolean
}

/** Which calls fail, and how. */
export interface FaultPlan {
  readonly rules: readonly FaultRule[]
  /** Print it when a test fails: the same seed makes the same choices in the same order of calls. @defaultValue 1 */
  readonly seed?: number
  /**
   * What rejected calls reject with.
   * @defaultValue an `Error` that names the call
   */
  readonly error?: Error
}

const PLAN_NAMES = optionNames<FaultPlan>({ rules: true, seed: true, error: true })
const RULE_NAMES = optionNames<FaultRule>({ fault: true, methods: true, calls: true, chance: true, when: true })

/** A store that fails as planned. */
export interface FaultStore<S extends Store> {
  readonly store: S
  /** The calls that met a fault, in order. */
  readonly faults: readonly (StoreCall & { readonly fault: Fault })[]
  /** Replaces the plan's rules; an empty list heals the store. Counting starts again. */
  readonly setRules: (rules: readonly FaultRule[]) => void
}

/** A store that fails by plan. */
export function faultStore<S extends Store>(inner: S, plan: FaultPlan): FaultStore<S> {
  checkNames('faultStore', plan, PLAN_NAMES)
  const random = seededRandom(plan.seed ?? 1)
  const faults: (StoreCall & { readonly fault: Fault })[] = []
  let rules = counted(plan.rules)
  const store = interceptStore(inner, async (call, run) => {
    // Every rule counts every call and draws its lot, so that one rule's choice does not shift another's.
    const chosen = rules.filter((rule) => rule.isMet(call, random)).at(0)
    if (chosen === undefined) return await run()
    faults.push({ ...call, fault: chosen.fault })
    return await applyFault(chosen.fault, run, plan.error ?? new Error(`fault: ${call.method} failed by plan`))
  })
  return {
    store,
    faults,
    setRules: (next) => {
      rules = counted(next)
    },
  }
}

async function applyFault(fault: Fault, run: () => Promise<unknown>, error: Error): Promise<unknown> {
  if (fault === 'reject') throw error
  if (typeof fault === 'function') return await fault(run)
  if (typeof fault === 'object') {
    await fault
    return await run()
  }
  const answer = await run()
  if (fault === 'twice') return await run()
  throw fault === 'drop-reply' ? error : new TypeError(`fault: no fault "${String(fault)}" (${typeof answer})`)
}

interface CountedRule {
  readonly fault: Fault
  isMet(call: StoreCall, random: () => number): boolean
}

function counted(rules: readonly FaultRule[]): readonly CountedRule[] {
  for (const rule of rules) checkNames('faultStore: rules', rule, RULE_NAMES)
  return rules.map(({ fault, methods, calls, chance, when }) => {
    let number = 0
    const isMet = (call: StoreCall, random: () => number): boolean => {
      if (methods !== undefined && !methods.includes(call.method)) return false
      number++
      const isDrawn = chance === undefined || random() < chance
      return isDrawn && (calls === undefined || calls.includes(number)) && (when?.(call) ?? true)
    }
    return { fault, isMet }
  })
}
