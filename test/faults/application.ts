import type { Session } from '../../src/core/session.ts'
import type { Sessions } from '../../src/core/sessions.ts'
import { createSessions } from '../../src/core/sessions.ts'
import { SessionError, isSessionError } from '../../src/core/errors.ts'
import type { Duration } from '../../src/core/duration.ts'
import type { Store } from '../../src/core/store.ts'
import { factsOf } from '../facts.ts'
import type { Answer, Deed, ManagerName, Request, View } from './requests.ts'
import { CAPS } from './requests.ts'

type Data = Record<string, unknown>
type Managers = Readonly<Record<ManagerName, Sessions<Data>>>

/** An application as far as sessions see it: it serves requests by the real engine on the store. */
export interface Application {
  serve(request: Request): Promise<Answer>
  close(): Promise<void>
}

export interface ApplicationOptions {
  readonly storeTimeout?: Duration
  /** Told of what must never happen, such as a record that cannot be read. */
  readonly complain?: (what: string) => void
}

/** Codes by which the engine says that nothing was written. */
const REFUSALS: ReadonlySet<string> = new Set(['gone', 'superseded', 'conflict', 'subject-limit', 'no-session'])
/** Codes by which it says that it cannot tell. */
const OUTAGES: ReadonlySet<string> = new Set(['store-unavailable', 'store-timeout'])

export function createApplication(store: Store, options: ApplicationOptions = {}): Application {
  const complain = options.complain ?? (() => undefined)
  const manager = (name: ManagerName): Sessions<Data> => {
    const sessions = createSessions<Data>({
      store,
      timeouts: { idle: '2h', absolute: '12h', touchEvery: '200ms' },
      storeTimeout: options.storeTimeout ?? '1500ms',
      sweepEvery: '10s',
      ...(name === 'free'
        ? {}
        : { perSubject: { max: CAPS[name], onLimit: name === 'evict' ? 'evict-oldest' : 'reject' } }),
    })
    sessions.on('undecodable', () => complain('a record could not be read'))
    return sessions
  }
  const managers: Managers = { free: manager('free'), evict: manager('evict'), reject: manager('reject') }
  return {
    serve: (request) => serve(managers[request.manager], request, complain),
    close: () => managers.free.close(),
  }
}

async function serve(
  sessions: Sessions<Data>,
  { op, token, deed }: Request,
  complain: (what: string) => void,
): Promise<Answer> {
  const because = (error: unknown): Pick<Answer, 'result' | 'code'> => {
    const code = isSessionError(error) ? error.code : `thrown: ${String(error)}`
    if (REFUSALS.has(code)) return { result: 'refused', code }
    if (!OUTAGES.has(code)) complain(`${deed.kind}: ${isSessionError(error) ? `${code}, ${error.message}` : code}`)
    return { result: 'unknown', code }
  }
  if (token === undefined && isAboutUsers(deed)) {
    try {
      return { opened: 'unasked', result: 'done', ...(await manage(sessions, deed)) }
    } catch (error) {
      return { opened: 'unasked', ...because(error) }
    }
  }
  let session: Session<Data>
  let view: View | undefined
  try {
    session = await sessions.open(factsOf(token === undefined ? {} : { headers: { cookie: `__Host-id=${token}` } }))
    view = token !== undefined && session.isStarted && !session.isNew ? viewOf(session) : undefined
  } catch (error) {
    // Nothing was tried yet that writes.
    return { opened: 'failed', ...because(error), result: 'refused' }
  }
  const opened = view === undefined ? (token === undefined ? 'unasked' : 'nothing') : 'live'
  const shown = { opened, ...(view && { view }) } as const
  if (opened === 'nothing') return { ...shown, result: 'refused', code: 'nothing opened' }
  let told: Told
  try {
    told = await perform(sessions, session, op, deed)
  } catch (error) {
    return { ...shown, ...because(error) }
  }
  const { isInDoubt = false, ...rest } = told
  try {
    const outcome = await session.commit()
    // A commit that finds the session ended says so by an event only.
    if (isSavedByCommit(deed) && !session.isStarted) {
      return { ...shown, ...because(goneError()), ...(isInDoubt && { result: 'unknown' }) }
    }
    const handed = handedOut(outcome?.cookies ?? [])
    const { handle } = session
    return { ...shown, result: 'done', ...rest, ...(handed && { token: handed }), ...(handle && { handle }) }
  } catch (error) {
    // What the commit itself had to save is in doubt; what was done before it is not, but no token arrives.
    return { ...shown, ...rest, ...because(error), ...(isSavedByCommit(deed) ? {} : { result: 'done' }) }
  }
}

function isAboutUsers(deed: Deed): boolean {
  return ['list', 'end', 'endAll', 'sweep'].includes(deed.kind)
}

function isSavedByCommit({ kind }: Deed): boolean {
  return kind === 'change' || kind === 'start' || kind === 'insist'
}

interface Told extends Pick<Answer, 'count' | 'got' | 'list'> {
  /** It may have been saved before the commit. */
  readonly isInDoubt?: boolean
}

/** What is done without a session. */
async function manage(sessions: Sessions<Data>, deed: Deed): Promise<Told> {
  switch (deed.kind) {
    case 'list': {
      const list = await sessions.forSubject(deed.subject).list()
      return { list: list.map(({ handle, authentication }) => ({ handle, label: authentication?.label ?? '' })) }
    }
    case 'end':
      return { got: await sessions.forSubject(deed.subject).end(deed.handle) }
    case 'endAll':
      await sessions.forSubject(deed.subject).endAll()
      return {}
    case 'sweep':
      await sessions.sweep()
      return {}
    default:
      throw new TypeError(`${deed.kind} needs a session`)
  }
}

async function perform(sessions: Sessions<Data>, session: Session<Data>, op: number, deed: Deed): Promise<Told> {
  switch (deed.kind) {
    case 'start':
      Object.assign(session.data, { owner: deed.life, count: 0, log: [] })
      return {}
    case 'enter':
      Object.assign(session.data, { owner: deed.life, count: 0, log: [] })
      await session.login(deed.subject, { keep: 'all', label: String(op) })
      return {}
    case 'increment':
      return { count: await session.increment('count') }
    case 'append':
      await session.update((data) => void logOf(data).push(op))
      return {}
    case 'change':
      session.set(`mark:${op}`, 1)
      return {}
    case 'insist':
      logOf(session.data).push(op)
      await session.save().catch(() => undefined)
      return { isInDoubt: true }
    case 'put':
      await session.update((data) => void (data[`gift:${op}`] = 1))
      return {}
    case 'take':
      return { got: (await session.take(`gift:${deed.gift}`)) !== undefined }
    case 'login':
      await session.login(deed.subject, { keep: 'all', label: String(op) })
      return {}
    case 'elevate':
      await session.elevate({ level: 2 })
      return {}
    case 'rotate':
      if ((await session.rotate({ grace: `${deed.grace}ms` })) !== 'rotated') throw goneError()
      return {}
    case 'logout':
      await session.logout(deed.keeps ? { keep: 'all' } : {})
      return {}
    case 'destroy':
      await session.destroy()
      return {}
    case 'endOthers':
      await sessions.forSubject(deed.subject).endAll({ except: session })
      return {}
    default:
      return {}
  }
}

function goneError(): SessionError {
  return new SessionError('gone', 'session: it ended meanwhile')
}

// A login finds its old session ended now and then; then the new one begins empty.
function logOf(data: Data): unknown[] {
  return (data['log'] ??= []) as unknown[]
}

function viewOf(session: Session<Data>): View {
  const { data, subject, handle } = session
  const keys = Object.keys(data).filter((key) => key.includes(':'))
  return {
    ...(typeof data['owner'] === 'string' ? { owner: data['owner'] } : {}),
    ...(subject === undefined ? {} : { subject }),
    level: session.authentication?.level ?? 0,
    handle: handle ?? '',
    count: Number(data['count'] ?? 0),
    traces: [...((data['log'] ?? []) as unknown[]).map((op) => `log:${String(op)}`), ...keys],
  }
}

function handedOut(cookies: readonly string[]): string | undefined {
  const [pair = ''] = cookies[0]?.split(';', 1) ?? []
  const value = pair.slice(pair.indexOf('=') + 1)
  return value === '' ? undefined : value
}
