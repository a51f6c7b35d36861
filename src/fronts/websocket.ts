import { later } from '#platform'
import type { RequestFacts } from '../core/web/carrier.ts'
import type { Duration } from '../core/duration.ts'
import { LONGEST_TIMER, parseDuration } from '../core/duration.ts'
import { SessionError } from '../core/errors.ts'
import { checkFunction, optionNames } from '../core/options.ts'
import { checkedOrigins, mayOpenSocket } from '../core/web/origin.ts'
import { reopenEvery } from '../core/reopen.ts'
import type { Sessions } from '../core/sessions.ts'
import type { LiveSession } from './shared/live-session.ts'
import { liveSession } from './shared/live-session.ts'
import { checkFront } from './shared/made-with.ts'
import type { NodeRequest } from './shared/node-request.ts'
import { headerOf, peerOf } from './shared/node-request.ts'
import type { ProxyOptions } from './shared/proxy.ts'
import { clientBehind } from './shared/proxy.ts'
import type { Timer } from './shared/watch.ts'
import { createWatch } from './shared/watch.ts'
import { pathOf, webHeaderOf, webPeerOf } from './shared/web-request.ts'

export type { LiveSession, Timer }

/** The part of a web `Request` that is read at a handshake. */
export interface WebHandshake {
  readonly method: string
  readonly url: string
  readonly headers: {
    /** The value of a header; `null` when there is none. */
    get(name: string): string | null
  }
}

/** The request that opens a socket: Node's, as `ws` and Socket.IO (`socket.request`) give it, or crossws' web request. */
export type Handshake = NodeRequest | WebHandshake

/** Options of {@link websocketSessions}. */
export interface WebsocketSessionsOptions extends ProxyOptions {
  /**
   * How soon after its end in another process a session is found to have ended, where the store does not tell of it at
   * once (it does where it has `watch`), or could not. Half of `rotation.grace` if that is
   * shorter and tokens are replaced by age, because a session cannot be found later than its grace. What ends in this
   * process is found at once.
   * @defaultValue '30s'
   */
  readonly checkEvery?: Duration
  /**
   * Further origins whose pages may open sockets here, such as `https://app.example.com`.
   * @defaultValue only this server's own
   */
  readonly origins?: readonly string[]
  /**
   * The client's address, for web requests: every runtime tells it in its own way.
   * @defaultValue none
   */
  readonly clientAddress?: (request: WebHandshake) => string | undefined
  /**
   * What waits between checks; for tests.
   * @defaultValue the platform's timer, for which no process stays alive
   */
  readonly timer?: Timer
}

/** Gives sockets a session. */
export interface WebsocketSessions<Data extends object> {
  /**
   * The session of the request that opens a socket; undefined for a visitor without one. Nothing is written.
   * @throws SessionError `csrf` when the page that opens the socket is of a foreign origin; the store's errors.
   */
  open(request: Handshake): Promise<LiveSession<Data> | undefined>
  /** Checks all watched sessions now, for who hears from another process that some have ended. */
  check(): Promise<void>
}

/**
 * Sessions for connections that stay open: `ws`, Socket.IO, crossws.
 *
 * ```ts
 * const sockets = websocketSessions(sessions)
 * const live = await sockets.open(request)
 * // once the socket is there
 * live?.onEnd(() => socket.close(4401, 'signed out'))
 * socket.on('close', () => live?.release())
 * socket.on('message', (text) => live?.use((session) => session.data.messages.push(String(text))))
 * ```
 *
 * A live session follows periodic rotations of its token. It ends with the session, and with a token that was replaced
 * for safety's sake (`login`, `elevate`, `logout`, `forSubject(...).endAll`): the page then opens another socket.
 */
export function websocketSessions<Data extends object>(
  sessions: Sessions<Data>,
  options: WebsocketSessionsOptions = {},
): WebsocketSessions<Data> {
  checkFront('websocketSessions', sessions, options, NAMES)
  checkFunction('websocketSessions: timer', options.timer, 'like setTimeout, that gives what cancels it')
  const origins = checkedOrigins('websocketSessions: origins', options.origins)
  const checkEvery = parseDuration('websocketSessions: checkEvery', options.checkEvery ?? '30s', 1)
  const every = Math.min(checkEvery, reopenEvery(sessions.policy()), LONGEST_TIMER)
  const watch = createWatch(sessions, every, options.timer ?? later)
  return {
    async open(request) {
      const facts = factsOf(request, options)
      if (!mayOpenSocket(facts, origins)) throw foreignError()
      const session = await sessions.openReadOnly(facts)
      // Touched now: data that cannot be read mean that there is no session.
      void session.data
      return session.isStarted ? liveSession(sessions, session, watch) : undefined
    },
    check: () => watch.check(),
  }
}

const NAMES = optionNames<WebsocketSessionsOptions>({
  checkEvery: true,
  origins: true,
  clientAddress: true,
  timer: true,
  trustProxy: true,
  proxyHeader: true,
})

function foreignError(): SessionError {
  return new SessionError(
    'csrf',
    'websocket: the socket was opened by a page of another origin; list the origin if it is yours, ' +
      'and behind a proxy that ends TLS trust the proxy',
  )
}

/** What the handshake tells. The client is looked at now: later its connection may be closed. */
function factsOf(request: Handshake, options: WebsocketSessionsOptions): RequestFacts {
  const header = isWeb(request) ? webHeaderOf(request) : headerOf(request)
  const client = clientBehind(
    () => (isWeb(request) ? webPeerOf(request, options.clientAddress?.(request)) : peerOf(request)),
    header,
    options,
  )
  return {
    method: request.method ?? 'GET',
    url: isWeb(request) ? pathOf(request) : (request.url ?? '/'),
    ...client,
    header,
  }
}

function isWeb(request: Handshake): request is WebHandshake {
  return typeof Reflect.get(request.headers, 'get') === 'function'
}
