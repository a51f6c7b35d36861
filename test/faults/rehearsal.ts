import { setImmediate } from 'node:timers/promises'
import { faultStore, seededRandom } from '../../src/testing/index.ts'
import type { Store } from '../../src/core/store.ts'
import { createApplication } from './application.ts'
import { createChecker } from './check/check.ts'
import type { Finding, FindingKind, Verdict } from './check/findings.ts'
import type { Checker } from './check/check.ts'
import { letIn } from './visitors.ts'

export interface RehearsalOptions {
  readonly seed: number
  readonly acknowledged: number
  /** Ends the load as soon as something of this kind was found. */
  readonly until?: FindingKind
}

/** How often a call fails before, and after, it took effect; and how often it is late. */
const CHANCE = 0.01
const LATE = 0.2

/** The campaign without servers: the same visitors and the same checker, on a store in this process that fails by plan. */
export async function rehearse(store: Store, options: RehearsalOptions): Promise<Verdict> {
  const random = seededRandom(options.seed)
  const { store: failing, setRules } = faultStore(store, {
    seed: options.seed,
    rules: [
      { fault: 'reject', chance: CHANCE },
      { fault: 'drop-reply', chance: CHANCE },
      { fault: lateBy(() => 1 + Math.floor(random() * 4)), chance: LATE },
    ],
  })
  const checker = createChecker()
  const application = createApplication(failing, {
    storeTimeout: '1m',
    complain: (text) => checker.read({ type: 'complaint', at: 0, text }),
  })
  const isFound = (): boolean => options.until !== undefined && hasKind(checker, options.until)
  const begin = performance.now()
  const crowd = letIn({
    serve: (request) => application.serve(request),
    record: (entry) => checker.read(entry),
    seed: options.seed,
    acknowledged: options.acknowledged,
    visitors: 24,
    clock: () => performance.now() - begin,
    verdict: () => (isFound() ? 'enough' : 'as planned'),
  })
  await crowd.done
  setRules([])
  await crowd.audit()
  return checker.verdict()
}

function hasKind(checker: Checker, wanted: FindingKind): boolean {
  return checker.verdict().findings.some(({ kind }: Finding) => kind === wanted)
}

function lateBy(turns: () => number): (run: () => Promise<unknown>) => Promise<unknown> {
  return async (run) => {
    for (let left = turns(); left > 0; left--) await setImmediate()
    return await run()
  }
}
