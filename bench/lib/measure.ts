import type { Subject } from '../subjects.ts'
import type { Database } from './databases.ts'
import { drive, type Route, routes, type Seen } from './load.ts'
import type { Running } from './server.ts'
import { start } from './server.ts'
import { checkSessions, type Manners, startSessions } from './sessions.ts'

/** One run of one route. */
export interface Run {
  /** Microseconds of the server's processor time per request. */
  readonly cpu: number
  readonly rate: number
  /** Microseconds. */
  readonly p50: number
  readonly p99: number
  /** Bytes of a response with its head. */
  readonly bytes: number
  /** Round trips to the store per request. */
  readonly trips: number | undefined
}

/** What one round tells of a subject. */
export interface Round {
  readonly subject: string
  /** Milliseconds from the start of the process to its first response. */
  readonly startup: number
  readonly runs: Readonly<Partial<Record<Route, Run>>>
  /** Round trips per request when requests come one after the other. */
  readonly alone: Readonly<Partial<Record<Route, number>>>
  /** Microseconds: the 99th percentile of reads at 80 % of the rate at which they saturate the server. */
  readonly busy: number | undefined
  readonly manners: Manners | undefined
}

/** How long a round takes. */
export interface Pace {
  readonly seconds: number
  /**
   * Requests of its kind before a run is measured: slow subjects become as warm as quick ones. Those that need a millisecond
   * for a request get as many as they answer in `warmUpSeconds`.
   */
  readonly warmUp: number
  readonly warmUpSeconds: number
  readonly withBusy: boolean
  /** The last route first, so that none is always measured on the warmest server. */
  readonly isReversed: boolean
}

const CONNECTIONS = 32
/** Ten from each connection, so that those that wait when a run ends do not matter. */
const LEAST = 10 * CONNECTIONS
/** More of them than are busy at a time, so that the waits between their requests are long enough to be timed. */
const BUSY_CONNECTIONS = 128

/** Starts the subject, checks that it works, and measures every route after a warm-up. */
export async function measure(
  wrk: string,
  subject: Subject,
  database: Database | undefined,
  pace: Pace,
): Promise<Round> {
  const server = await start(subject, database?.url ?? '')
  try {
    const hasSessions = subject.kind !== 'bare'
    const manners = hasSessions ? await checkSessions(server.client) : undefined
    const alone = database === undefined ? {} : await tripsAlone(server, database)
    const cookies = hasSessions ? await startSessions(server.client) : []
    const bench: Bench = { wrk, subject, server, database, pace, cookies }
    const mine = hasSessions ? routes : (['anonymous'] as const)
    const runs: Partial<Record<Route, Run>> = {}
    for (const route of pace.isReversed ? mine.toReversed() : mine) {
      // Just before: what other routes did to the compiler's guesses would be measured otherwise.
      await warmUp(bench, route)
      runs[route] = hasSessions ? await once(bench, route) : await steady(bench, route)
    }
    const saturated = (runs.read ?? runs.anonymous)?.rate ?? 0
    const busy = pace.withBusy ? await busyP99(bench, hasSessions ? 'read' : 'anonymous', saturated) : undefined
    return { subject: subject.name, startup: server.startup, runs, alone, busy, manners }
  } finally {
    await server.stop()
  }
}

interface Bench {
  readonly wrk: string
  readonly subject: Subject
  readonly server: Running
  readonly database: Database | undefined
  readonly pace: Pace
  /** Sessions that no run ends. */
  readonly cookies: readonly string[]
}

/** New sessions for each run where a sign-in ends those of the run before. */
async function cookiesFor({ subject, server, cookies }: Bench, route: Route): Promise<readonly string[]> {
  if (route === 'anonymous') return []
  return follows(subject) ? await startSessions(server.client) : cookies
}

async function warmUp(bench: Bench, route: Route): Promise<void> {
  const { wrk, server, subject, pace } = bench
  const until = { most: pace.warmUp, seconds: pace.warmUpSeconds }
  const cookies = await cookiesFor(bench, route)
  await drive(wrk, server.port, { route, cookies, isFollowing: follows(subject), until, connections: CONNECTIONS })
}

/** With all of the session in the cookie a sign-in ends nothing. */
function follows(subject: Subject): boolean {
  return subject.store !== 'cookie'
}

/** The run in the middle of three: what is measured against a bare framework is as good as that one figure. */
async function steady(bench: Bench, route: Route): Promise<Run> {
  const first = await once(bench, route)
  const runs = [first, await once(bench, route), await once(bench, route)]
  return runs.toSorted((a, b) => a.cpu - b.cpu)[1] ?? first
}

async function once(bench: Bench, route: Route): Promise<Run> {
  const { wrk, server, subject, database, pace } = bench
  const cookies = await cookiesFor(bench, route)
  const load = {
    route,
    cookies,
    isFollowing: follows(subject),
    until: { seconds: pace.seconds, least: LEAST },
    connections: CONNECTIONS,
  }
  const [tripsBefore, before] = [await database?.trips(), await server.usage()]
  const seen = await drive(wrk, server.port, load)
  const after = await server.usage()
  const tripsAfter = await database?.trips()
  const requests = after.requests - before.requests
  return {
    cpu: (after.user + after.system - before.user - before.system) / requests,
    ...shown(seen),
    trips: tripsBefore === undefined || tripsAfter === undefined ? undefined : (tripsAfter - tripsBefore) / requests,
  }
}

function shown({ requests, micros, bytes, p50, p99 }: Seen): Omit<Run, 'cpu' | 'trips'> {
  return { rate: (requests / micros) * 1e6, p50, p99, bytes: bytes / requests }
}

/** A connection waits before each request for as long as gives this rate, if answers took no time. */
async function busyP99(bench: Bench, route: Route, saturated: number): Promise<number> {
  const { wrk, server, subject, pace } = bench
  await warmUp(bench, route)
  const cookies = await cookiesFor(bench, route)
  const think = Math.round((1000 * BUSY_CONNECTIONS) / (0.8 * saturated))
  const until = { seconds: 2 * pace.seconds, least: LEAST }
  const load = { route, cookies, isFollowing: follows(subject), until, connections: BUSY_CONNECTIONS, think }
  return (await drive(wrk, server.port, load)).p99
}

const ALONE = 25

async function tripsAlone({ client }: Running, database: Database): Promise<Round['alone']> {
  const trips: Partial<Record<Route, number>> = {}
  for (const route of ['anonymous', 'read', 'write', 'login'] as const) {
    const cookies = await Promise.all(
      Array.from({ length: ALONE }, async (_, slot) => (await client.get(`/start?slot=${slot}`)).cookies.join('; ')),
    )
    const before = await database.trips()
    for (const cookie of cookies) await client.get(`/${route}`, route === 'anonymous' ? undefined : cookie)
    trips[route] = ((await database.trips()) - before) / ALONE
  }
  return trips
}
