import type { Client } from './http.ts'
import { jarOf } from './http.ts'

/** How many sessions take turns. */
const SESSIONS = 200

/** Starts the sessions that a run uses, and gives the Cookie header of each. */
export async function startSessions(client: Client): Promise<readonly string[]> {
  return await Promise.all(Array.from({ length: SESSIONS }, (_, slot) => startSession(client, slot)))
}

async function startSession(client: Client, slot: number): Promise<string> {
  const { status, cookies } = await client.get(`/start?slot=${slot}`)
  if (status !== 200 || cookies.length === 0) throw new Error(`no session was started: ${status}`)
  return jarOf(cookies)
}

/** What a subject does, beyond what it must do to be measured. */
export interface Manners {
  /** A visit that keeps nothing gets a cookie all the same. */
  readonly marksVisitors: boolean
  /** A plain read answers with a cookie. */
  readonly repeatsCookie: boolean
  /** The cookie from before the sign-in opens nothing any more. */
  readonly endsOldCookie: boolean
  /** Bytes of the Cookie header that each request of a session carries. */
  readonly cookieBytes: number
}

/**
 * Shows that a subject has sessions: what was written is read back, by its owner only, and a sign-in keeps it.
 * Rejects when it does not.
 */
export async function checkSessions(client: Client): Promise<Manners> {
  const anonymous = await client.get('/anonymous')
  expect('an anonymous visit', anonymous.status, 200)
  const other = await startSession(client, 1)
  let cookie = await startSession(client, 0)
  const cookieBytes = cookie.length
  const step = async (path: string, page: string): Promise<readonly string[]> => {
    const { status, body, cookies } = await client.get(path, cookie)
    expect(`${path} status`, status, 200)
    expect(path, body, page)
    cookie = jarOf(cookie.split('; '), cookies)
    return cookies
  }
  const read = await step('/read', '0 0')
  await step('/write', '0 1')
  await step('/write', '0 2')
  await step('/read', '0 2')
  const before = cookie
  await step('/login', '0 2')
  await step('/write', '0 3')
  await step('/read', '0 3')
  expect('the other session', (await client.get('/read', other)).body, '1 0')
  expect('a visit without a cookie', (await client.get('/read')).status, 409)
  return {
    marksVisitors: anonymous.cookies.length > 0,
    repeatsCookie: read.length > 0,
    endsOldCookie: (await client.get('/read', before)).status === 409,
    cookieBytes,
  }
}

function expect(what: string, got: unknown, wanted: unknown): void {
  if (got !== wanted) throw new Error(`${what}: expected ${String(wanted)}, got ${String(got)}`)
}
