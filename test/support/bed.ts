import type { RequestFacts } from '../../src/core/web/carrier.ts'
import type { Clock } from '../../src/core/clock.ts'
import type { SessionsOptions } from '../../src/core/config.ts'
import type { SessionEventName } from '../../src/core/events.ts'
import type { Outcome } from '../../src/core/web/response.ts'
import type { Session } from '../../src/core/session.ts'
import type { Sessions } from '../../src/core/sessions.ts'
import { createSessions } from '../../src/core/sessions.ts'
import type { Store } from '../../src/core/store.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { FactsInput } from '../facts.ts'
import { factsOf } from '../facts.ts'

/** What most tests keep in a session. */
export type Loose = Record<string, unknown>

/** A clock that only moves when it is told to. */
export interface TestClock {
  readonly now: Clock
  advance(milliseconds: number): void
}

export const MINUTE = 60_000
export const HOUR: number = 60 * MINUTE
export const DAY: number = 24 * HOUR
/** A day of 2026, so that dates look like dates. */
export const START: number = Date.UTC(2026, 0, 5, 12)

export function testClock(start: number = START): TestClock {
  let time = start
  return { now: () => time, advance: (milliseconds) => void (time += milliseconds) }
}

/** A browser as far as sessions see it: a jar with cookies by name, and an address. */
export interface Client {
  readonly jar: Map<string, string>
  readonly address?: string
}

export function newClient(address?: string): Client {
  return { jar: new Map(), ...(address === undefined ? {} : { address }) }
}

/** A second client that holds the same cookies, as a thief or another tab would. */
export function copyOf(client: Client): Client {
  return { ...client, jar: new Map(client.jar) }
}

/** The token that the client holds. */
export function tokenOf(client: Client, cookie = '__Host-id'): string | undefined {
  return client.jar.get(cookie)
}

/** A client that presents this token. */
export function clientWith(token: string, cookie = '__Host-id'): Client {
  return { jar: new Map([[cookie, token]]) }
}

export function factsFor(client: Client, input: FactsInput = {}): RequestFacts {
  const cookie = [...client.jar].map(([name, value]) => `${name}=${value}`).join('; ')
  return factsOf({
    ...(client.address === undefined ? {} : { clientAddress: client.address }),
    ...input,
    headers: { ...(cookie === '' ? {} : { cookie }), ...input.headers },
  })
}

/** Does with the response's cookies what a browser does. */
export function receive(client: Client, outcome: Pick<Outcome, 'cookies'> | undefined): void {
  for (const line of outcome?.cookies ?? []) {
    const [pair = '', ...attributes] = line.split('; ')
    const [name = '', value = ''] = pair.split('=')
    if (attributes.includes('Max-Age=0')) client.jar.delete(name)
    else client.jar.set(name, value)
  }
}

/** Sessions on a clock of their own, and the steps of a request in one call each. */
export interface Bed<Data extends object> {
  readonly sessions: Sessions<Data>
  readonly store: Store
  readonly clock: TestClock
  open(client: Client, input?: FactsInput): Promise<Session<Data>>
  /** Commits, and gives the response to the client. */
  commit(client: Client, session: Session<Data>): Promise<Outcome | undefined>
  /** A whole request. */
  visit<R>(client: Client, handler: (session: Session<Data>) => R | Promise<R>, input?: FactsInput): Promise<R>
  /** A client that has signed in. */
  signedIn(subject: string, address?: string): Promise<Client>
  /** The events of these names, from now on. */
  record(...names: SessionEventName[]): { name: SessionEventName; event: Loose }[]
}

export interface BedOptions<Data extends object> extends Partial<SessionsOptions<Data>> {
  readonly clock?: TestClock
}

export function bed<Data extends object = Loose>(options: BedOptions<Data> = {}): Bed<Data> {
  const { clock = testClock(), ...rest } = options
  const given = typeof rest.store === 'function' ? rest.store() : rest.store
  const store = given ?? memoryStore({ now: clock.now })
  // A busy disk is no outage: what tests say of outages they say with a store that fails.
  const sessions = createSessions<Data>({ now: clock.now, storeTimeout: '1m', ...rest, store })
  const commit: Bed<Data>['commit'] = async (client, session) => {
    const outcome = await session.commit()
    receive(client, outcome)
    return outcome
  }
  const visit: Bed<Data>['visit'] = async (client, handler, input) => {
    const session = await sessions.open(factsFor(client, input))
    try {
      return await sessions.run(session, () => handler(session))
    } finally {
      await commit(client, session)
    }
  }
  return {
    sessions,
    store,
    clock,
    open: async (client, input) => sessions.open(factsFor(client, input)),
    commit,
    visit,
    async signedIn(subject, address) {
      const client = newClient(address)
      await visit(client, (session) => session.login(subject))
      return client
    },
    record(...names) {
      const seen: { name: SessionEventName; event: Loose }[] = []
      for (const name of names) sessions.on(name, (event) => void seen.push({ name, event: { ...event } }))
      return seen
    },
  }
}

/** Lets everything run that waits only for other promises. */
export async function settled(): Promise<void> {
  await new Promise<void>((resolve) => void setImmediate(resolve))
}
