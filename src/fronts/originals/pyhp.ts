import type { SessionsOptions } from '../../core/config.ts'
import { sessionsOptionNames } from '../../core/config.ts'
import { SessionError } from '../../core/errors.ts'
import type { SaveResult } from '../../core/engine/save.ts'
import type { Session } from '../../core/session.ts'
import type { Sessions } from '../../core/sessions.ts'
import { createSessions } from '../../core/sessions.ts'
import { fileStore } from '../../stores/file.ts'
import type { Pages } from './shared/pages.ts'
import { pageAmong } from './shared/pages.ts'
import { sentFields } from './shared/sent-fields.ts'
import type { ServerOptions, Servers } from './shared/servers.ts'
import { apart, serversFor } from './shared/servers.ts'
import { strictData } from './shared/strict.ts'
import { submitted, unhurried } from './shared/visit.ts'

export type { Pages } from './shared/pages.ts'
export type { Reply, ServerOptions, Servers } from './shared/servers.ts'

/** What {@link createPyhp} takes: everything that `createSessions` takes, and nothing that must be given. */
export interface PyhpOptions<Data extends object> extends Partial<SessionsOptions<Data>>, ServerOptions {}

/** `pyhp.session`: the session of whichever request is being served. */
export interface PyhpSession<Data extends object> {
  /** The session's public name; undefined while there is none. It opens nothing: the secret is in the cookie only. */
  readonly id: string | undefined
  /**
   * The session's data: a dictionary, so reading what is not there is an error. Ask with `in`, or use `get` and `has`.
   * @throws SessionError `no-session` before `start()`, unless a session was restored.
   */
  readonly data: Data
  /** A value of the data; undefined where the key, or the whole session, is not there. */
  get<Key extends keyof Data>(key: Key): Data[Key] | undefined
  /** A value of the data, or `fallback`. */
  get<Key extends keyof Data>(key: Key, fallback: Data[Key]): Data[Key]
  /** Whether there is a session with this key in its data. */
  has(key: keyof Data): boolean
  /** Begins a session: with an id, empty data and a cookie. Keeps a session that was restored as it is. */
  start(): void
  /** Saves now. At the end of the request that happens by itself. */
  save(): Promise<SaveResult>
  /** Ends the session: data, record and cookie are gone. What this request still writes is not kept. */
  wipe(): Promise<void>
}

/** One application's `pyhp`. */
export interface Pyhp<Data extends object> {
  /** The running request's session, from any module. */
  readonly session: PyhpSession<Data>
  /** The fields of the form that the running request submits: a dictionary of texts. */
  readonly post: Readonly<Record<string, string>>
  /** The engine beneath, to list sessions, to end them, to listen to events, and to close. */
  readonly sessions: Sessions<Data>
  /**
   * Serves pages.
   * @throws TypeError for what is no page, or under no path.
   */
  serve(pages: Pages): Servers
}

/**
 * Sessions as PyHP has them: started by a call, restored and saved by themselves, ended by `wipe` or 15 minutes after
 * they were last used.
 *
 * ```ts
 * export const pyhp = createPyhp()
 * createServer(pyhp.serve({ '/': () => `Hello ${pyhp.session.get('login', 'stranger')}` }).node).listen(3000)
 * ```
 *
 * Sessions are files in `pyhp-sessions` unless a store is given.
 * @throws TypeError naming the option that is wrong.
 * @throws SessionError `store-unavailable` when that directory cannot be made.
 */
export function createPyhp<Data extends object = Record<string, unknown>>(options: PyhpOptions<Data> = {}): Pyhp<Data> {
  const { server, engine } = apart('createPyhp', options, sessionsOptionNames)
  const sessions = createSessions<Data>({
    codec: 'strict',
    store: () => fileStore({ directory: 'pyhp-sessions', now: engine.now ?? Date.now }),
    ...engine,
    timeouts: { idle: '15m', touchEvery: '0s', ...engine.timeouts },
  })
  return {
    sessions,
    session: sessionOf(sessions),
    post: sentFields('pyhp.post', () => submitted(sessions.current())),
    serve: (pages) => serversFor(sessions, pageAmong(pages), server),
  }
}

function sessionOf<Data extends object>(sessions: Sessions<Data>): PyhpSession<Data> {
  // What was there once in a request stays to be read: after `wipe` it is empty.
  const present = new WeakSet<object>()
  const found = (): Session<Data> | undefined => {
    const session = sessions.current()
    if (session.isStarted) present.add(session)
    return present.has(session) ? session : undefined
  }
  return {
    get id() {
      return found()?.handle
    },
    get data() {
      const session = found()
      if (session !== undefined)
        return strictData(session, { kind: 'item', name: 'pyhp.session.data', ask: 'in, or use get' })
      throw new SessionError('no-session', 'pyhp.session: this visitor has no session; call pyhp.session.start() first')
    },
    get: <Key extends keyof Data>(key: Key, fallback?: Data[Key]) => {
      const session = found()
      return session?.has(key) === true ? session.get(key) : fallback
    },
    has: (key) => found()?.has(key) === true,
    start: () => void present.add(sessions.current().start()),
    save() {
      const saved = sessions.current().save()
      // Whoever does not wait need not handle it: the end of the request waits, and saves what is unsaved.
      saved.catch(() => undefined)
      return saved
    },
    wipe: () => {
      found()
      return unhurried(sessions.current(), sessions.current().destroy())
    },
  }
}
