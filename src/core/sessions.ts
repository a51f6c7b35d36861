import { ambient } from '#platform'
import type { RequestFacts } from './web/carrier.ts'
import type { SessionsOptions } from './config.ts'
import { checkSessionsOptions, readConfig } from './config.ts'
import { SessionError } from './errors.ts'
import type { SessionEventName, SessionListener } from './events.ts'
import { createEmitter } from './events.ts'
import { guardStore } from './engine/guard.ts'
import { openState } from './engine/open.ts'
import type { Policy } from './policy.ts'
import { registered, unregister } from './registry.ts'
import { Session } from './session.ts'
import type { Engine } from './engine/state.ts'
import type { Store, SubjectCap } from './store.ts'
import { hasSubjects, isClearable, isClosable } from './store.ts'
import type { SubjectSessions } from './subjects.ts'
import { subjectSessions } from './subjects.ts'
import type { Sweeper } from './engine/sweeper.ts'
import { createSweeper } from './engine/sweeper.ts'
import { createUnderWay } from './engine/under-way.ts'

/** One application's sessions. */
export interface Sessions<Data extends object = Record<string, unknown>> {
  /** For fronts: the session of a request. A promise only when the store must be asked. */
  open(facts: RequestFacts): Session<Data> | Promise<Session<Data>>
  /** The session of a request that gets no usual response, such as a WebSocket upgrade: nothing is ever written. */
  openReadOnly(facts: RequestFacts): Promise<Session<Data>>
  /**
   * The session of the request that is being served, from anywhere in its code.
   * @throws SessionError `no-session` outside a request, and on Cloudflare Workers.
   */
  current(): Session<Data>
  /** For fronts: calls `fn` with the session as the current one. */
  run<R>(session: Session<Data>, fn: () => R): R
  /** A user's sessions, to list and to end. */
  forSubject(subject: string): SubjectSessions
  /** Ends every session in the store, whoever uses the store; one write. */
  revokeAll(): Promise<void>
  /** Removes what has expired, in batches small enough not to hold up requests. Returns how many were removed. */
  sweep(): Promise<number>
  /** Listens to an event; the returned function stops that. */
  on<Name extends SessionEventName>(name: Name, listener: SessionListener<Name>): () => void
  /** The limits in force (ASVS 5.0 7.1.1, 7.1.2). */
  policy(): Policy
  /** Waits for a sweep to stop and for what is saved after its response, and closes the store. */
  close(): Promise<void>
}

/**
 * Makes an application's sessions. Everything but the store has a safe default: idle 15 minutes, absolute 12 hours, a
 * `__Host-` cookie.
 * @throws TypeError naming the option that is wrong and what it should be.
 */
export function createSessions<Data extends object = Record<string, unknown>>(
  options: SessionsOptions<Data>,
): Sessions<Data> {
  checkSessionsOptions(options)
  return options.name === undefined ? build(options) : registered(options.name, () => build(options))
}

function build<Data extends object>(options: SessionsOptions<Data>): Sessions<Data> {
  const [engine, sweeper] = newEngine(options)
  const { config, emitter, store } = engine
  const running = ambient<Session<Data>>()

  return {
    open(facts) {
      const state = openState(engine, facts, false)
      return state instanceof Promise ? state.then((loaded) => new Session(loaded)) : new Session(state)
    },
    openReadOnly: async (facts) => new Session(await openState(engine, facts, true)),
    current: () => found(running.get()),
    run: (session, fn) => running.run(session, fn),
    forSubject: (subject) => subjectSessions(engine, subject),
    revokeAll: () => revokeAll(engine),
    sweep: () => sweeper.sweep(),
    on: (name, listener) => emitter.on(name, listener),
    policy: () => config.policy,
    async close() {
      if (options.name !== undefined) unregister(options.name)
      await endBackground(engine, sweeper)
      if (isClosable(store)) await store.close()
    },
  }
}

function newEngine<Data extends object>(options: SessionsOptions<Data>): readonly [Engine<Data>, Sweeper] {
  const checked = readConfig(options)
  const store = checkedStore(typeof options.store === 'function' ? options.store() : options.store, options.perSubject)
  // The default is not in force, and must not be told of, on a store that does not know whose session is whose.
  const policy = hasSubjects(store) ? checked.policy : Object.freeze({ ...checked.policy, perSubject: undefined })
  const config = { ...checked, policy }
  const emitter = createEmitter()
  const guard = guardStore(store.name, config.storeTimeout, emitter, config.now)
  const sweeper = createSweeper(store, config.sweepEvery, config.now, guard, emitter)
  const engine: Engine<Data> = {
    config,
    store,
    guard,
    emitter,
    touching: new Set(),
    updating: ambient(),
    late: new Set(),
    lines: new Map(),
    underWay: createUnderWay({ policy: config.policy, store, guard }, config.now),
    sweepWhenDue: () => sweeper.sweepWhenDue(),
  }
  return [engine, sweeper]
}

function found<S>(session: S | undefined): S {
  if (session !== undefined) return session
  throw new SessionError('no-session', 'sessions.current: no request is being served here')
}

async function revokeAll<Data extends object>({ store, guard, emitter }: Engine<Data>): Promise<void> {
  if (!isClearable(store)) throw new SessionError('unsupported', `store ${store.name}: it cannot end all sessions`)
  await guard.call('clear', undefined, () => store.clear())
  emitter.emit('revoked', {})
}

function checkedStore(store: Store, perSubject: SubjectCap | 'unlimited' | undefined): Store {
  const missing = (['get', 'insert', 'update', 'touch', 'rotate', 'delete'] as const).filter(
    (method) => typeof store?.[method] !== 'function',
  )
  if (missing.length > 0) {
    throw new TypeError(`store: expected a session store, such as memoryStore(); this one has no ${missing.join(', ')}`)
  }
  if (perSubject === undefined || perSubject === 'unlimited' || hasSubjects(store)) return store
  throw new TypeError(
    `perSubject: store ${store.name} does not know whose session is whose; use one such as sqliteStore`,
  )
}

/** What goes on beside requests ends, and what was begun for one is finished. */
async function endBackground<Data extends object>(
  engine: Engine<Data>,
  sweeper: ReturnType<typeof createSweeper>,
): Promise<void> {
  engine.underWay.close()
  await Promise.all([...engine.late, sweeper.stop()])
}
