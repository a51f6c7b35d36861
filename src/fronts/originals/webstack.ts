import type { SessionsOptions } from '../../core/config.ts'
import { sessionsOptionNames } from '../../core/config.ts'
import { checkNames } from '../../core/options.ts'
import type { Session } from '../../core/session.ts'
import type { Sessions } from '../../core/sessions.ts'
import { createSessions } from '../../core/sessions.ts'
import { fileStore } from '../../stores/file.ts'
import type { Reply, ServerOptions, Servers } from './shared/servers.ts'
import { apart, fieldsOf, pathOf, serversFor } from './shared/servers.ts'
import { strictData } from './shared/strict.ts'
import { unhurried } from './shared/visit.ts'

export type { ServerOptions, Servers } from './shared/servers.ts'

/** What {@link createWebStack} takes: everything that `createSessions` takes, and nothing that must be given. */
export interface WebStackOptions<Value> extends Partial<SessionsOptions<Record<string, Value>>>, ServerOptions {}

/** A session as a dictionary. Keys are strings, and so are values unless the application says otherwise. */
export interface DictionarySession<Value> extends Iterable<string> {
  /** The dictionary itself: `session.data['k']`, where reading what is not there is an error. */
  readonly data: Record<string, Value>
  /** The keys, as a list of its own: what walks it may change the session. */
  keys(): readonly string[]
  /** Whether the key is there. */
  has(key: string): boolean
  /** The same, under the original's name. */
  hasKey(key: string): boolean
  /** The value; undefined where the key is absent. */
  get(key: string): Value | undefined
  /** The value, or `fallback`. */
  get(key: string, fallback: Value): Value
  /** Sets a value. It is kept without anything else being called. */
  set(key: string, value: Value): void
  /** Removes a key. False when it was not there. */
  delete(key: string): boolean
  /** For the carriers of clients without cookies: `carrier.link(session, href)`. */
  credential(carrier: string): string | undefined
}

/** One request and its response, the same on every server. */
export interface Transaction<Value = string> {
  readonly method: string
  /** The path as the client asked for it, without the query. */
  readonly path: string
  /** The fields of the query and of the submitted form. */
  readonly fields: URLSearchParams
  /** The session of the user of this request, always the same object. Where there is none, one begins. */
  getSession(options?: { readonly create?: true }): DictionarySession<Value>
  /** The same; with `create: false` undefined where there is none, and none begins. */
  getSession(options: { readonly create: boolean }): DictionarySession<Value> | undefined
  /** Ends the session of the user of this request. What is still written to it is not kept. */
  expireSession(): Promise<void>
  /** Sets the response: HTML with status 200 unless `options` says otherwise. */
  respond(body: string, options?: { readonly status?: number; readonly contentType?: string }): void
  /** Sends the client on to another address, which it then gets (303). */
  redirect(location: string): void
}

/** An application. */
export interface Resource<Value = string> {
  /** Serves one request. */
  respond(trans: Transaction<Value>): void | Promise<void>
}

/** Sessions in WebStack's manner, and the servers to run applications on. */
export interface WebStack<Value = string> {
  /** The engine beneath, to list sessions, to end them, to listen to events, and to close. */
  readonly sessions: Sessions<Record<string, Value>>
  /**
   * The application for `node`, `express` and `fetch`.
   * @throws TypeError for what is no resource.
   */
  deploy(resource: Resource<Value>): Servers
}

/**
 * Sessions as WebStack has them: a transaction gives the session of its user, and expires it.
 *
 * ```ts
 * const { deploy } = createWebStack()
 * const app = deploy({ respond: (trans) => trans.respond(`Hello ${trans.getSession().get('name', 'stranger')}`) })
 * createServer(app.node).listen(3000)
 * ```
 *
 * Sessions are files in `WebStack-sessions`, which is made if it is missing, unless a store is given.
 * @throws TypeError naming the option that is wrong.
 * @throws SessionError `store-unavailable` when that directory cannot be made.
 */
export function createWebStack<Value = string>(options: WebStackOptions<Value> = {}): WebStack<Value> {
  const { server, engine } = apart('createWebStack', options, sessionsOptionNames)
  const sessions = createSessions<Record<string, Value>>({
    codec: 'strict',
    store: () => fileStore({ directory: 'WebStack-sessions', now: engine.now ?? Date.now }),
    ...engine,
  })
  return {
    sessions,
    deploy: (resource) => {
      if (typeof resource?.respond !== 'function') {
        throw new TypeError('deploy: expected an object with the method respond, which is given a transaction')
      }
      const page = async (session: Session<Record<string, Value>>): Promise<Reply> => {
        let reply: Reply = ''
        await resource.respond(transactionOf(session, (sent) => void (reply = sent)))
        return reply
      }
      return serversFor(sessions, page, server)
    },
  }
}

function transactionOf<Value>(
  session: Session<Record<string, Value>>,
  send: (reply: Reply) => void,
): Transaction<Value> {
  const dictionary = dictionaryOf(session)
  let isExpired = false
  function getSession(options?: { readonly create?: true }): DictionarySession<Value>
  function getSession(options: { readonly create: boolean }): DictionarySession<Value> | undefined
  function getSession(options: { readonly create?: boolean } = {}): DictionarySession<Value> | undefined {
    checkNames('getSession', options, ['create'])
    const { create = true } = options
    // Asked for once more after its end it is not begun again: one that expires in a request stays expired.
    if (create && !isExpired) session.start()
    return create || (session.isStarted && !isExpired) ? dictionary : undefined
  }
  return {
    method: session.facts.method,
    path: pathOf(session),
    fields: fieldsOf(session),
    getSession,
    expireSession() {
      isExpired = true
      return unhurried(session, session.destroy())
    },
    respond(body, options = {}) {
      checkNames('respond', options, ['status', 'contentType'])
      const { status = 200, contentType = 'text/html; charset=utf-8' } = options
      send({ status, headers: { 'content-type': contentType }, body })
    },
    redirect: (location) => send({ status: 303, headers: { location } }),
  }
}

function dictionaryOf<Value>(session: Session<Record<string, Value>>): DictionarySession<Value> {
  function get(key: string): Value | undefined
  function get(key: string, fallback: Value): Value
  function get(key: string, fallback?: Value): Value | undefined {
    return session.has(key) ? session.get(key) : fallback
  }
  return {
    get data() {
      return strictData(session, { kind: 'item', name: 'session', ask: 'has, or use get' })
    },
    keys: () => session.keys(),
    has: (key) => session.has(key),
    hasKey: (key) => session.has(key),
    get,
    set: (key, value) => void session.set(key, value),
    delete: (key) => session.delete(key),
    credential: (carrier) => session.credential(carrier),
    [Symbol.iterator]: () => session.keys()[Symbol.iterator](),
  }
}
