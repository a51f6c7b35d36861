import type { SessionsOptions } from '../../../src/core/config.ts'
import type { SessionEventName } from '../../../src/core/events.ts'
import type { Sessions } from '../../../src/core/sessions.ts'
import { createSessions } from '../../../src/core/sessions.ts'
import type { Store, SubjectCap } from '../../../src/core/store.ts'
import type { PausableStore } from '../../../src/testing/index.ts'
import { interceptStore, pausableStore } from '../../../src/testing/index.ts'
import type { TestClock } from '../../support/bed.ts'
import type { FullStore } from '../../support/stores.ts'
import type { Data } from './changes.ts'
import type { History } from './history.ts'
import { newHistory } from './history.ts'

export interface Options extends Pick<SessionsOptions<Data>, 'rotation' | 'timeouts'> {
  readonly perSubject?: SubjectCap
}

/** Something to break, to see whether anybody notices. */
export interface Sabotage {
  /** Lies between the engine and the calls that are held and written down. */
  readonly store?: (store: FullStore) => FullStore
  /** Has the last word about a response's cookies; `token` is what the request came with. */
  readonly cookies?: (cookies: readonly string[], token: string | undefined) => readonly string[]
}

/** One schedule's store, sessions and history. */
export interface World {
  readonly clock: TestClock
  readonly history: History
  readonly paused: PausableStore<FullStore>
  /** The managers of the application's processes. */
  readonly managers: readonly Sessions<Data>[]
  readonly raw: FullStore
  readonly sabotage: Sabotage
  /** Waits until the store has nothing to do. */
  readonly idle: () => Promise<void>
}

/** Limits of the schedules: short enough that a schedule gets past them. */
export const LIMITS = { idle: '15m', absolute: '1h' } as const

export function newWorld(raw: FullStore, clock: TestClock, options: Options, sabotage: Sabotage): World {
  const history = newHistory(clock.now)
  const { store, idle } = recorded(raw, history)
  const paused = pausableStore(store)
  const told = withFaultsTold(paused.store, history)
  const top = sabotage.store?.(told) ?? told
  const managers = [managerOn(top, clock, options), managerOn(top, clock, options)]
  for (const manager of managers) listen(manager, history)
  return { clock, history, paused, managers, raw, sabotage, idle }
}

function managerOn(store: Store, clock: TestClock, options: Options): Sessions<Data> {
  return createSessions<Data>({ timeouts: LIMITS, ...options, store, now: clock.now, storeTimeout: '10h' })
}

function listen(manager: Sessions<Data>, { log, cause }: History): void {
  const names: readonly SessionEventName[] = ['conflict', 'gone', 'superseded']
  for (const name of names) manager.on(name, (event) => log({ type: 'event', request: cause()?.request, name, event }))
}

/** Makes a held call fail at this stage; {@link withFaultsTold} knows the error again. */
export class Fault extends Error {
  readonly stage: 'before' | 'after'

  constructor(stage: 'before' | 'after') {
    super(`fault ${stage} the call took effect`)
    this.stage = stage
  }
}

function withFaultsTold(store: FullStore, { log, cause }: History): FullStore {
  return interceptStore(store, async (_call, run) => {
    try {
      return await run()
    } catch (error) {
      if (error instanceof Fault) {
        const { request, verb } = cause() ?? {}
        log({ type: 'fault', request, verb, stage: error.stage })
      }
      throw error
    }
  })
}

/** Writes down what is asked and answered, in the order in which it takes effect. */
function recorded(raw: FullStore, history: History): { readonly store: FullStore; readonly idle: () => Promise<void> } {
  const running = new Set<Promise<unknown>>()
  const store = interceptStore(raw, async ({ method, args }, run) => {
    const answering = run()
    running.add(answering)
    try {
      const answer = await answering
      const { request, verb } = history.cause() ?? {}
      history.log({ type: 'call', request, verb, method, args: structuredClone(args), answer: structuredClone(answer) })
      return answer
    } finally {
      running.delete(answering)
    }
  })
  return {
    store,
    idle: async () => {
      while (running.size > 0) await Promise.allSettled(running)
    },
  }
}
