import type { Session as EngineSession } from '../../../core/session.ts'
import type { Sessions } from '../../../core/sessions.ts'
import { forwarded } from '../shared/forwarded.ts'
import { refuseUnkeepable } from '../shared/keepable.ts'
import { strictData } from '../shared/strict.ts'
import { unhurried } from '../shared/visit.ts'
import { config } from './config.ts'
import type { SessionExtras } from './sessions.ts'
import { checkExtras, webpySessions } from './sessions.ts'
import { snapshotOf } from './snapshot.ts'
import type { SessionStorage } from './stores.ts'

/** What stands beside the attributes of a session. Attributes cannot have these names. */
export interface SessionMembers<Data extends object> {
  /** A value, or undefined where there is none. */
  get<Key extends keyof Data & string>(key: Key): Data[Key] | undefined
  /** A value, or `fallback` where there is none. */
  get<Key extends keyof Data & string>(key: Key, fallback: Data[Key]): Data[Key]
  /** Ends the session. What it held can be read until the request ends; what is written after it is not kept. */
  kill(): Promise<void>
}

/** The running request's session: `session.count`, `session['count']`, `session.get('count', 0)`, `'count' in session`. */
export type Session<Data extends object = Record<string, unknown>> = Data & SessionMembers<Data>

/** What a Session gives its sessions to. */
export interface SessionHost {
  /** Serves every request with these sessions. Does nothing when it does so already. */
  addSessions<Data extends object>(sessions: Sessions<Data>): void
}

/** How a Session is made. */
export interface SessionConstructor {
  /**
   * Gives an application sessions.
   * @param app none, where another front serves `sessionsOf(session)`.
   * @param initializer the starting contents, of which each new session gets a copy; or a function that gives them.
   * @throws TypeError for a part or a parameter that is wrong.
   */
  new <Data extends object = Record<string, unknown>>(
    app: SessionHost | undefined,
    store: SessionStorage,
    initializer?: Data | (() => Data),
    extras?: SessionExtras<Data>,
  ): Session<Data>
}

/** @throws SessionError `no-session` when it is used outside a request. */
// What it makes is no instance but stands for the data of whichever request runs, with the types that it was given.
// oxlint-disable-next-line typescript/no-extraneous-class, typescript/no-unsafe-type-assertion
export const Session: SessionConstructor = class {
  constructor(
    app: SessionHost | undefined,
    storage: SessionStorage,
    initializer: object | (() => object) = {},
    extras: SessionExtras<object> = {},
  ) {
    checkParts(app, storage)
    checkExtras(extras)
    if (!isMaker(initializer)) checkNames(initializer)
    const sessions = webpySessions({
      storage,
      initial: () => checkNames(isMaker(initializer) ? initializer() : initializer),
      parameters: { ...config.sessionParameters },
      extras,
      wasKilled: (session) => killed.has(session),
    })
    app?.addSessions(sessions)
    const session = forwarded(() => viewOf(sessions.current()))
    managers.set(session, sessions)
    return session
  }
} as SessionConstructor

/** The engine beneath a Session: to serve with other fronts, to sign users in, to list sessions and to end them. */
export function sessionsOf<Data extends object>(session: Session<Data>): Sessions<Data> {
  const sessions = managers.get(session)
  if (sessions === undefined) throw new TypeError('sessionsOf: not a Session')
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a Session of `Data` was made with the manager for it
  return sessions as Sessions<Data>
}

const managers = new WeakMap<object, unknown>()
const killed = new WeakSet<object>()
const views = new WeakMap<object, object>()
const MEMBERS = ['get', 'kill']

function isMaker(initializer: object | (() => object)): initializer is () => object {
  return typeof initializer === 'function'
}

function checkParts(app: SessionHost | undefined, storage: SessionStorage): void {
  if (app !== undefined && typeof app?.addSessions !== 'function') {
    throw new TypeError(
      'Session: app must be an application(urls), or undefined for sessions that another front serves',
    )
  }
  if (typeof storage?.open === 'function') return
  throw new TypeError("Session: store: expected one, such as new DiskStore('sessions') or { open: () => store }")
}

function checkNames(contents: object): object {
  if (typeof contents !== 'object' || contents === null) {
    throw new TypeError(
      'initializer: expected the starting contents, such as { count: 0 }, or a function that gives them',
    )
  }
  const taken = MEMBERS.find((name) => Object.hasOwn(contents, name))
  if (taken === undefined) return contents
  throw new TypeError(`initializer: the name ${taken} is taken; use another one`)
}

/** What a page sees of the session; to look at it is to have one. */
function viewOf(session: EngineSession<object>): object {
  const known = views.get(session)
  if (known !== undefined) return known
  session.start()
  return see(session, session)
}

function see(session: EngineSession<object>, holder: { readonly data: object }): object {
  const members = {
    get: (key: string, fallback?: unknown): unknown =>
      Object.hasOwn(holder.data, key) ? Reflect.get(holder.data, key) : fallback,
    kill: (): Promise<void> => kill(session),
  }
  const accept = refuseUnkeepable
  const view = strictData(holder, { kind: 'attribute', name: 'session', ask: 'in, or use get', members, accept })
  views.set(session, view)
  return view
}

function kill(session: EngineSession<object>): Promise<void> {
  // Of one that was killed before there is nothing left to copy.
  if (!killed.has(session)) see(session, { data: snapshotOf(session.data) })
  killed.add(session)
  return unhurried(session, session.destroy())
}
