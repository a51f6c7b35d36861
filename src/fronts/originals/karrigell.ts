import type { SessionsOptions } from '../../core/config.ts'
import { sessionsOptionNames } from '../../core/config.ts'
import type { Duration } from '../../core/duration.ts'
import { assertOption, checkNames, checkObject, optionNames } from '../../core/options.ts'
import type { CookieOptions } from '../../core/web/cookie-carrier.ts'
import type { Session } from '../../core/session.ts'
import type { Sessions } from '../../core/sessions.ts'
import { createSessions } from '../../core/sessions.ts'
import { pathCarrier } from './karrigell/path-carrier.ts'
import type { SessionStorage } from './karrigell/storages.ts'
import { memorySessions } from './karrigell/storages.ts'
import type { Pages } from './shared/pages.ts'
import { pageAmong } from './shared/pages.ts'
import { sentFields } from './shared/sent-fields.ts'
import type { ServerOptions, Servers } from './shared/servers.ts'
import { apart, fieldsOf, serversFor } from './shared/servers.ts'
import { strictData } from './shared/strict.ts'
import { unhurried } from './shared/visit.ts'

export { customSessions, fileSessions, memorySessions, sqliteSessions } from './karrigell/storages.ts'
export type {
  CustomStorage,
  MemorySessionsOptions,
  SessionStorage,
  SqliteSessionsOptions,
} from './karrigell/storages.ts'
export type { Pages } from './shared/pages.ts'
export type { Reply, ServerOptions, Servers } from './shared/servers.ts'

/** What {@link createKarrigell} takes: what `createSessions` takes, and nothing that must be given. */
export interface KarrigellOptions<Data extends object>
  extends Omit<Partial<SessionsOptions<Data>>, 'store' | 'codec' | 'carriers' | 'cookie'>, ServerOptions {
  /** Where sessions are kept. @defaultValue `memorySessions()` */
  readonly storage?: SessionStorage
  /**
   * The name of the application, where one host has several: each has sessions of its own, in a cookie of its own,
   * `sessionId-` and the name. @defaultValue none, and the cookie is `sessionId`
   */
  readonly application?: string
  /**
   * The cookie's other attributes.
   * @defaultValue those of `cookieCarrier`
   */
  readonly cookie?: Pick<CookieOptions, 'insecureDevelopment' | 'persistent' | 'priority' | 'sameSite'>
}

/** What one call of `Session` may say. */
export interface SessionCall {
  /**
   * Seconds after the last use at which this session ends, from this call on.
   * @defaultValue what an earlier call said; without one `timeouts.idle`, 15 minutes
   */
  readonly expires?: number
  /** The path below which the cookie is valid, for a session that begins with this call. @defaultValue '/' */
  readonly path?: string
}

/** A session as an object with attributes. Reading one that is not there is an error; ask with `in`. */
export type SessionObject<Data extends object> = Data & {
  /** Ends the session: what it held is gone, and so is what this request still writes. */
  close(): Promise<void>
}

/** One application's `Session`, and the servers for its scripts. */
export interface Karrigell<Data extends object> {
  /**
   * The session of the visitor whose request is being served. It begins with the first call, and ends with `close`.
   * @throws TypeError for a time or a path that is none.
   * @throws SessionError `no-session` where no request is being served.
   */
  Session(call?: SessionCall): SessionObject<Data>
  /** The fields of the query and of the submitted form: reading one that is not there is an error. */
  readonly REQUEST: Readonly<Record<string, string>>
  /** The engine beneath, to serve with other fronts, to list sessions, to end them, and to close. */
  readonly sessions: Sessions<Data>
  /**
   * Serves scripts.
   * @throws TypeError for what is no script, or under no path.
   */
  serve(scripts: Pages): Servers
}

/**
 * Sessions as Karrigell has them: an object with attributes that any script gets by calling `Session()`.
 *
 * ```ts
 * const { Session, serve } = createKarrigell<{ visits: number }>({ initial: () => ({ visits: 0 }) })
 * createServer(serve({ '/': () => `visit ${(Session().visits += 1)}` }).node).listen(3000)
 * ```
 *
 * They end 15 minutes after they were last used. There are never more than 1000: the one that was created first gives place.
 * @throws TypeError naming the option that is wrong.
 */
export function createKarrigell<Data extends object = Record<string, unknown>>(
  options: KarrigellOptions<Data> = {},
): Karrigell<Data> {
  checkStorage(options)
  const { server, engine: rest } = apart('createKarrigell', options, NAMES)
  const { storage = memorySessions(), application, cookie, timeouts, ...engine } = rest
  if (cookie !== undefined) checkNames('createKarrigell: cookie', cookie, COOKIE_NAMES)
  const { carrier, setPath } = pathCarrier(nameOf(application), { ...cookie, now: engine.now ?? Date.now })
  const sessions = createSessions<Data>({
    ...engine,
    // What is refused at an assignment must not get in later, by a change inside the value.
    codec: storage.codec ?? 'strict',
    store: () => storage.open(engine.now ?? Date.now),
    carriers: [carrier],
    timeouts: { idle: '15m', touchEvery: '0s', ...timeouts },
  })
  const objects = new WeakMap<Session<Data>, SessionObject<Data>>()
  return {
    sessions,
    Session(call = {}) {
      checkNames('Session', call, CALL_NAMES)
      const { expires, path = '/' } = call
      const session = sessions.current()
      const known = objects.get(session)
      const start = expires === undefined ? {} : { idle: idleFor(expires) }
      if (known !== undefined) {
        // One that was closed stays closed.
        if (session.isStarted) session.start(start)
        return known
      }
      setPath(session.facts, path)
      const made = objectOf(session.start(start), storage.accept)
      objects.set(session, made)
      return made
    },
    REQUEST: sentFields('REQUEST', () => fieldsOf(sessions.current())),
    serve: (scripts) => serversFor(sessions, pageAmong(scripts), server),
  }
}

const ELSEWHERE: readonly string[] = ['store', 'codec', 'carriers']
const NAMES = [...sessionsOptionNames.filter((name) => !ELSEWHERE.includes(name)), 'storage', 'application']
const COOKIE_NAMES = optionNames<NonNullable<KarrigellOptions<object>['cookie']>>({
  insecureDevelopment: true,
  persistent: true,
  priority: true,
  sameSite: true,
})
const CALL_NAMES = optionNames<SessionCall>({ expires: true, path: true })

function checkStorage(options: object): void {
  checkObject('createKarrigell', options, NAMES)
  assertOption(
    !('store' in options),
    'createKarrigell: store is no option here; give storage, such as { open: () => store }',
  )
  const storage: unknown = Reflect.get(options, 'storage')
  assertOption(
    storage === undefined || typeof Reflect.get(Object(storage), 'open') === 'function',
    "createKarrigell: storage: expected one, such as sqliteSessions('sessions.db') or { open: () => store }",
  )
}

function idleFor(expires: number): Duration {
  // Up to a year, so that no number is written with an exponent.
  if (typeof expires === 'number' && expires >= 1 && expires <= 31_536_000) return `${expires}s`
  throw new TypeError('Session: expires must be a number of seconds, from 1 to a year')
}

function nameOf(application: string | undefined): string {
  if (application === undefined) return 'sessionId'
  if (typeof application === 'string' && /^[A-Za-z0-9_]{1,40}$/.test(application)) return `sessionId-${application}`
  throw new TypeError('application: expected up to 40 letters, digits and _')
}

function objectOf<Data extends object>(session: Session<Data>, accept: SessionStorage['accept']): SessionObject<Data> {
  // Once it is closed it stays closed: what is left of the page gets this object, and not another session.
  const members = { close: (): Promise<void> => unhurried(session, session.destroy()) }
  const view = strictData(session, {
    kind: 'attribute',
    name: 'Session()',
    ask: 'in',
    members,
    ...(accept === undefined ? {} : { accept }),
  })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- strictData shows the members beside the data
  return view as SessionObject<Data>
}
