import { setImmediate } from 'node:timers/promises'
import type { Sessions, SubjectCap } from 'sojourn'
import { createSessions, isSessionError } from 'sojourn'
import { memoryStore } from 'sojourn/stores/memory'
import { sqliteStore } from 'sojourn/stores/sqlite'
import { factsOf } from '../facts.ts'

/** What a process is told to do; `name` tells it from the others. */
export type Task =
  | {
      readonly kind: 'share'
      readonly name: string
      readonly path: string
      readonly cookie: string
      readonly rounds: number
    }
  | { readonly kind: 'crowd'; readonly name: string; readonly path: string; readonly logins: number; readonly cap: Cap }
  | { readonly kind: 'mint'; readonly amount: number }

export type Cap = SubjectCap

/** What it has to tell. */
export interface Result {
  /** Whatever failed, in words. */
  readonly errors: readonly string[]
  /** `name=token` of the sessions that it has left alive, in the order in which it made them. */
  readonly cookies: readonly string[]
  /** Those that it has ended. */
  readonly ended: readonly string[]
}

export type Data = Record<string, unknown>

/** The one subject whose sessions everybody opens. */
export const CROWD = 'crowd'

/** The manager as each process makes it. */
export function sessionsOn(path: string, perSubject?: Cap): Sessions<Data> {
  return createSessions<Data>({ store: sqliteStore({ path }), ...(perSubject && { perSubject }) })
}

/** One request: opens, lets `handler` work, commits, and gives the cookie that the response carries. */
export async function request(
  sessions: Sessions<Data>,
  cookie: string | undefined,
  handler: (session: Awaited<ReturnType<Sessions<Data>['open']>>) => unknown,
): Promise<string | undefined> {
  const session = await sessions.open(factsOf(cookie === undefined ? {} : { headers: { cookie } }))
  await handler(session)
  const outcome = await session.commit()
  return outcome?.cookies[0]?.split(';', 1)[0]
}

export async function perform(task: Task): Promise<Result> {
  switch (task.kind) {
    case 'share':
      return share(task)
    case 'crowd':
      return crowd(task)
    case 'mint':
      return mint(task)
  }
}

/** Counts in the session that all share, and leads a life of its own beside that. */
async function share({ name, path, cookie, rounds }: Task & { kind: 'share' }): Promise<Result> {
  const sessions = sessionsOn(path)
  const errors: string[] = []
  const cookies: string[] = []
  const ended: string[] = []
  const attempt = (work: Promise<unknown>): Promise<unknown> =>
    work.catch((error: unknown) => errors.push(wordsOf(error)))
  for (let round = 0; round < rounds; round++) {
    await attempt(
      request(sessions, cookie, async (session) => {
        if (round % 10 === 0) session.set(`${name} ${round}`, round)
        await session.increment('count')
      }),
    )
    if (round % 25 === 0) await attempt(ownLife(sessions, `${name} ${round}`, cookies, ended))
    if (round % 100 === 50) await attempt(sessions.sweep())
  }
  await sessions.close()
  return { errors, cookies, ended }
}

/** Two sign-ins and a sign-out of a user whom only this process knows. */
async function ownLife(sessions: Sessions<Data>, user: string, cookies: string[], ended: string[]): Promise<void> {
  const anonymous = await request(sessions, undefined, (session) => session.set('user', user))
  const first = await request(sessions, anonymous, (session) => session.login(user, { keep: 'all' }))
  const second = await request(sessions, undefined, (session) => session.login(user))
  await request(sessions, second, (session) => session.logout())
  if (first === undefined || second === undefined || anonymous === undefined) throw new Error('a cookie is missing')
  cookies.push(first)
  ended.push(anonymous, second)
}

/** Signs in as the same user as all others do. */
async function crowd({ path, logins, cap }: Task & { kind: 'crowd' }): Promise<Result> {
  const sessions = sessionsOn(path, cap)
  const errors: string[] = []
  const cookies: string[] = []
  for (let login = 0; login < logins; login++) {
    try {
      const cookie = await request(sessions, undefined, (session) => session.login(CROWD))
      if (cookie !== undefined) cookies.push(cookie)
      const count = await sessions.forSubject(CROWD).count()
      if (count > cap.max) errors.push(`${count} sessions at once`)
    } catch (error) {
      errors.push(wordsOf(error))
    }
  }
  await sessions.close()
  return { errors, cookies, ended: [] }
}

/** Makes new tokens as fast as it can. */
async function mint({ amount }: Task & { kind: 'mint' }): Promise<Result> {
  const cookies: string[] = []
  for (let sessions = mintingManager(); cookies.length < amount;) {
    // Managers come and go, so that the memory stays small.
    if (cookies.length % 1000 === 0) {
      sessions = mintingManager()
      await setImmediate()
    }
    const cookie = await request(sessions, undefined, (session) => session.start())
    if (cookie !== undefined) cookies.push(cookie)
  }
  return { errors: [], cookies, ended: [] }
}

function mintingManager(): Sessions<Data> {
  return createSessions<Data>({ store: memoryStore() })
}

function wordsOf(error: unknown): string {
  if (isSessionError(error)) return error.code === 'subject-limit' ? error.code : `${error.code}: ${error.message}`
  return String(error)
}
