import type { Clock } from '../../core/clock.ts'
import type { Store } from '../../core/store.ts'

/** What a case may need beyond the required methods of a store; `reopen` is asked of the harness. */
export type Capability = 'subjects' | 'clear' | 'sweep' | 'scan' | 'watch' | 'durability' | 'close' | 'reopen'

/** What a case runs against. Every case gets one of its own, with an empty store. */
export interface StoreHarness {
  readonly store: Store
  /** The store's clock. */
  readonly now: Clock
  /** Moves the store's clock on. A backend with a clock of its own may wait instead. */
  readonly advance: (milliseconds: number) => Promise<void>
  /** Closes the store and opens what it kept again. Absent for stores that keep nothing. */
  readonly reopen?: () => Promise<Store>
  /**
   * Opens a further handle on the same backend, as another process would, and leaves it to the harness to close it.
   * Absent where there can be none; then the cases make do with the first.
   */
  readonly another?: () => Promise<Store>
  /**
   * For how many milliseconds a case waits for a notice that must come. @defaultValue 10_000
   */
  readonly patience?: number
}

/**
 * One clause of the store contract, as plain data: loop over the cases with any test runner, or with none.
 * `run` rejects with an `Error` that says what was expected when the store breaks the clause.
 */
export interface StoreCase {
  /** A sentence about behaviour, after the requirements that it proves. Unique. */
  readonly name: string
  /** Skip the case for stores that lack one of these; {@link lackingFor} tells. */
  readonly needs?: readonly Capability[]
  /** Runs the case. */
  readonly run: (harness: StoreHarness) => Promise<void>
}

const methodOf: Readonly<Record<Exclude<Capability, 'reopen'>, string>> = {
  subjects: 'listBySubject',
  clear: 'clear',
  sweep: 'sweep',
  scan: 'scan',
  watch: 'watch',
  durability: 'durability',
  close: 'close',
}

/** What the case needs and the harness lacks. Run the case when this is empty. */
export function lackingFor(storeCase: StoreCase, harness: StoreHarness): readonly Capability[] {
  return (storeCase.needs ?? []).filter((capability) =>
    capability === 'reopen' ? harness.reopen === undefined : !(methodOf[capability] in harness.store),
  )
}
