import type { Server } from 'node:http'
import { createSessions } from 'sojourn'
import type { Sessions, SessionsOptions } from 'sojourn'
import { nodeSessions } from 'sojourn/node'
import type { MemoryStore } from 'sojourn/stores/memory'
import { countingStore, faultStore, pausableStore } from 'sojourn/testing'
import type { CountingStore, FaultStore, PausableStore } from 'sojourn/testing'
import { websocketSessions } from 'sojourn/websocket'
import type { Timer, WebsocketSessions, WebsocketSessionsOptions } from 'sojourn/websocket'
import { onTestFinished } from 'vitest'
import type { TestClock } from '../../support/bed.ts'
import { settled, testClock } from '../../support/bed.ts'
import { unwatchedStore } from '../../support/unwatched.ts'
import type { Visitor } from '../client.ts'
import { createClient, createVisitor } from '../client.ts'
import type { Running, Visit } from '../driver.ts'
import { listen } from '../drivers/servers.ts'
import { perform, socketApp } from './app.ts'
import type { Line, SocketDriver } from './driver.ts'

/** A clock and what waits for it; both move only when the test says so. */
export interface Ticker {
  readonly clock: TestClock
  readonly timer: Timer
  /** How many callbacks wait. */
  readonly waiting: () => number
  /** Lets time pass, and everything happen that is due meanwhile. */
  pass(milliseconds: number): Promise<void>
}

export function ticker(clock: TestClock = testClock()): Ticker {
  const waiting = new Set<{ readonly at: number; readonly fn: () => void }>()
  const moveTo = (at: number): void => clock.advance(at - clock.now())
  return {
    clock,
    timer: (milliseconds, fn) => {
      const entry = { at: clock.now() + milliseconds, fn }
      waiting.add(entry)
      return () => void waiting.delete(entry)
    },
    waiting: () => waiting.size,
    async pass(milliseconds) {
      const end = clock.now() + milliseconds
      for (;;) {
        // A check makes several calls of the store one after the other, each of them answered a turn later.
        for (let turns = 0; turns < 8; turns++) await settled()
        const [next] = [...waiting].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)
        if (next === undefined) break
        waiting.delete(next)
        moveTo(next.at)
        next.fn()
      }
      moveTo(end)
    },
  }
}

type Unwatched = Omit<MemoryStore, 'watch'>

/** A server with sockets and pages, and another process that shares its store. */
export interface Room {
  readonly sessions: Sessions<Visit>
  readonly sockets: WebsocketSessions<Visit>
  /** The sessions of the other process. */
  readonly elsewhere: Sessions<Visit>
  readonly ticker: Ticker
  readonly counting: CountingStore<Unwatched>
  readonly faulty: FaultStore<Unwatched>
  readonly pausable: PausableStore<Unwatched>
  readonly port: number
  /** What the server answered to messages. */
  readonly answers: readonly string[]
  /** A browser that asks for pages of this process, or of the other one; it keeps one cookie for both. */
  visitor(): Visitor & { readonly elsewhere: Visitor['request'] }
  /** A socket that the visitor opens. */
  connect(visitor: Pick<Visitor, 'cookie'>, headers?: Readonly<Record<string, string>>): Promise<Line>
}

export interface RoomOptions {
  readonly sessions?: Omit<SessionsOptions<Visit>, 'store' | 'now'>
  readonly sockets?: Omit<WebsocketSessionsOptions, 'timer'>
}

export async function room(driver: SocketDriver, options: RoomOptions = {}): Promise<Room> {
  const time = ticker()
  const { now } = time.clock
  const pausable = pausableStore(unwatchedStore({ now }))
  const faulty = faultStore(pausable.store, { rules: [] })
  const counting = countingStore(faulty.store)
  const make = (): Sessions<Visit> => createSessions<Visit>({ store: counting.store, now, ...options.sessions })
  const [sessions, elsewhere] = [make(), make()]
  const sockets = websocketSessions(sessions, { timer: time.timer, trustProxy: 1, ...options.sockets })
  const [here, there] = [await pages(sessions), await pages(elsewhere)]
  const app = socketApp(sockets, sessions.current)
  const detach = driver.attach(here.server, app)
  const clients = [createClient(here.endpoint), createClient(there.endpoint)] as const
  const lines: Line[] = []
  onTestFinished(async () => {
    for (const line of lines) line.hangUp()
    for (const client of clients) client.close()
    await detach()
    await Promise.all([here.close().catch(() => undefined), there.close()])
  })
  return {
    sessions,
    sockets,
    elsewhere,
    ticker: time,
    counting,
    faulty,
    pausable,
    port: here.endpoint.port,
    answers: app.answers,
    visitor: () => visitorOf(clients),
    connect: async ({ cookie }, headers = {}) => {
      const line = await driver.connect(here.endpoint.port, {
        'x-forwarded-proto': 'https',
        ...(cookie === undefined ? {} : { cookie }),
        ...headers,
      })
      lines.push(line)
      return line
    },
  }
}

function visitorOf([here, there]: readonly [
  ReturnType<typeof createClient>,
  ReturnType<typeof createClient>,
]): Visitor & {
  readonly elsewhere: Visitor['request']
} {
  const [first, second] = [createVisitor(here), createVisitor(there)]
  return Object.defineProperty(
    {
      cookie: undefined,
      open: first.open,
      request: async (path, init) => {
        const got = await first.request(path, init)
        second.cookie = first.cookie
        return got
      },
      elsewhere: async (path, init) => {
        const got = await second.request(path, init)
        first.cookie = second.cookie
        return got
      },
    } satisfies ReturnType<typeof visitorOf>,
    'cookie',
    { get: () => first.cookie },
  )
}

function pages(sessions: Sessions<Visit>): Promise<Running & { readonly server: Server }> {
  const withSession = nodeSessions(sessions, { trustProxy: 1, onError: (_error, _request, response) => response.end() })
  return listen(
    'http',
    withSession(async (request, response, session) => {
      response.end(await perform(session, request.url ?? '/'))
    }),
  ) as Promise<Running & { readonly server: Server }>
}
