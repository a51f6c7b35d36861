import { it } from 'vitest'
import type { SessionsOptions } from '../../src/core/config.ts'
import { isSessionError } from '../../src/core/errors.ts'
import { storeKeyOf } from '../../src/core/key.ts'
import type { StoreKey } from '../../src/core/key.ts'
import type { Outcome } from '../../src/core/web/response.ts'
import type { Session } from '../../src/core/session.ts'
import type { SessionRecord } from '../../src/core/store.ts'
import type { Token } from '../../src/core/token.ts'
import type { Fault, HeldCall, HoldRule, PausableStore } from '../../src/testing/index.ts'
import { faultStore, pausableStore } from '../../src/testing/index.ts'
import type { Bed, Client, Loose, TestClock } from '../support/bed.ts'
import { bed, copyOf, newClient, receive, settled, testClock, tokenOf } from '../support/bed.ts'
import type { FullStore, MadeStore, StoreUnderTest } from '../support/stores.ts'
import { recordsIn } from '../support/stores.ts'

export type Options = Partial<SessionsOptions<Loose>>

/** One store, held and released by the test, with sessions on top. */
export interface Lab extends Bed<Loose> {
  readonly clock: TestClock
  /** The store itself, past everything that holds calls. */
  readonly raw: FullStore
  readonly paused: PausableStore<FullStore>
  /** A manager of its own on the same store, as another process would have. */
  another(options?: Options): Bed<Loose>
  /** The application in another process, whose clock is so many milliseconds ahead, in its store too. */
  node(ahead: number): Promise<Bed<Loose>>
  /** A client with an anonymous session that holds these data. */
  visitor(data?: Loose): Promise<Client>
  /** Everything that lives in the store. */
  live(): Promise<readonly SessionRecord[]>
  /** What lies under the key of the client's token, or of that token. */
  under(token: Client | string | undefined): ReturnType<FullStore['get']>
  /** Waits until so many calls that fit are held. */
  held(count: number, rule?: HoldRule): Promise<readonly HeldCall[]>
}

/** Calls are never late on a test's clock, however busy the machine is. */
const PATIENT: Options = { storeTimeout: '1h', sweepEvery: '30d' }

/** Plays a race in a test of that title. */
export type Race = (title: string, play: (lab: Lab) => Promise<void>, options?: Options) => void

/** Makes each race one on this store. */
export function racesOn(underTest: StoreUnderTest): Race {
  return (title, play, options = {}) => {
    it(`${title} (${underTest.name} store)`, async (context) => {
      if (underTest.missing !== undefined) return context.skip(underTest.missing)
      const clock = testClock()
      const made = await underTest.make(clock.now)
      try {
        await play(labOn(made, clock, options))
      } finally {
        await made.close()
      }
    })
  }
}

function labOn(made: MadeStore, clock: TestClock, options: Options): Lab {
  const raw = made.store
  const paused = pausableStore(raw)
  const main = bed<Loose>({ ...PATIENT, ...options, store: paused.store, clock })
  return {
    ...main,
    raw,
    paused,
    another: (own = {}) => bed<Loose>({ ...PATIENT, ...options, ...own, store: paused.store, clock }),
    async node(ahead) {
      const now = (): number => clock.now() + ahead
      if (made.beside === undefined) throw new TypeError('lab: this store has no second process')
      return bed<Loose>({ ...PATIENT, ...options, store: await made.beside(now), now })
    },
    async visitor(data = { seen: true }) {
      const client = newClient()
      await main.visit(client, (session) => void Object.assign(session.data, data))
      return client
    },
    live: async () => (await recordsIn(raw)).map(([, record]) => record),
    under: async (token) => raw.get(keyOf(typeof token === 'object' ? tokenOf(token) : token)),
    async held(count, rule) {
      while (paused.held(rule).length < count) await settled()
      return paused.held(rule)
    },
  }
}

/** The store as a process sees it that dies at that call of its own, before it or just after. */
export function crashing(store: FullStore, crashAt: number, fault: Fault): FullStore {
  let hasCrashed = false
  const die = async (run: () => Promise<unknown>): Promise<unknown> => {
    hasCrashed = true
    if (fault === 'drop-reply') await run()
    throw new Error('crashed')
  }
  const rules = [
    { fault: 'reject', when: () => hasCrashed },
    { fault: die, calls: [crashAt] },
  ] as const
  return faultStore(store, { rules }).store
}

/** The key under which the session of a token is kept. */
export function keyOf(token: string | undefined): StoreKey {
  return storeKeyOf('id', (token ?? '') as Token)
}

/** The data of a stored record. */
export function dataOf(record: Awaited<ReturnType<FullStore['get']>>): unknown {
  return record?.state === 'live' ? (JSON.parse(record.data) as unknown) : undefined
}

/** What a client gets in the end: cookies, or none and an error of that code, because others have ended the session. */
export interface Finished {
  readonly cookies: readonly string[]
  readonly refused?: 'gone' | 'superseded'
}

/** What a request holds at its end. */
export async function finish(session: Session<Loose>): Promise<Finished> {
  try {
    return { cookies: (await session.commit())?.cookies ?? [] }
  } catch (error) {
    if (isSessionError(error) && (error.code === 'gone' || error.code === 'superseded')) {
      return { cookies: [], refused: error.code }
    }
    throw error
  }
}

/** The clients that result when the responses reach copies of this one in every order. */
export function inEveryOrder(client: Client, ...outcomes: readonly Pick<Outcome, 'cookies'>[]): readonly Client[] {
  return permutations(outcomes).map((order) => {
    const copy = copyOf(client)
    for (const outcome of order) receive(copy, outcome)
    return copy
  })
}

function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items]
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]))
}

/** The token that an outcome hands out, if it does. */
export function tokenIn(outcome: Pick<Outcome, 'cookies'>): string | undefined {
  const receiver = newClient()
  receive(receiver, outcome)
  return tokenOf(receiver)
}
