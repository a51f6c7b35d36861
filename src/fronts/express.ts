import type { RequestFacts } from '../core/carrier.ts'
import { SessionError } from '../core/errors.ts'
import type { Session } from '../core/session.ts'
import type { Sessions } from '../core/sessions.ts'
import { statusOf } from './shared/failure.ts'
import { gateResponse } from './shared/gate.ts'
import type { NodeRequest } from './shared/node-request.ts'
import { fieldOf, headerOf } from './shared/node-request.ts'
import type { NodeResponse } from './shared/node-response.ts'
import { sendAnswer } from './shared/node-response.ts'

/** The part of Express's requests that this front reads. What it says of the client follows the setting `trust proxy`. */
export interface ExpressRequest extends NodeRequest {
  readonly secure: boolean
  readonly ip?: string | undefined
  readonly baseUrl: string
  originalUrl: string
  readonly body?: unknown
  readonly query?: unknown
}

/** Express middleware that gives each request a session. */
export interface ExpressSessions<Data extends object> {
  (request: ExpressRequest, response: NodeResponse, next: (error?: unknown) => void): void
  /**
   * The request's session, typed; the same object as `request.session`.
   * @throws SessionError `no-session` when the middleware has not run for this request.
   */
  of(request: object): Session<Data>
}

/**
 * Sessions for Express 4 and 5.
 *
 * ```ts
 * const withSession = expressSessions(sessions)
 * app.use(withSession)
 * app.post('/cart', (request, response) => {
 *   withSession.of(request).data.cart.push(line)
 *   response.redirect('/cart')
 * })
 * ```
 *
 * `request.session` is the same object. For its type, say once in your program:
 *
 * ```ts
 * declare global {
 *   namespace Express { interface Request { session: Session<Visit> } }
 * }
 * ```
 *
 * What handlers changed is saved before the first byte of the response leaves; also on redirects and errors. If it
 * cannot be saved, `next(error)` is called, with the status 503 or 500, and nothing of the page is sent. Installing the
 * middleware twice does no harm. Behind a proxy set Express's own `trust proxy`. A form carrier reads `request.body`, so
 * its parser must run before.
 */
export function expressSessions<Data extends object>(sessions: Sessions<Data>): ExpressSessions<Data> {
  const middleware = (request: ExpressRequest, response: NodeResponse, next: (error?: unknown) => void): void => {
    if (sessionOf(sessions, request) !== undefined) return next()
    const start = (session: Session<Data>): void => {
      attach(sessions, request, session)
      if (session.answer !== undefined) return sendAnswer(response, session.answer)
      showUrl(request, session.url)
      gateResponse(response, session, (error) => next(withStatus(error)))
      sessions.run(session, () => next())
    }
    const refuse = (error: unknown): void => next(withStatus(error))
    try {
      const opened = sessions.open(factsOf(request))
      if (opened instanceof Promise) void opened.then(start).catch(refuse)
      else start(opened)
    } catch (error) {
      refuse(error)
    }
  }
  return Object.assign(middleware, {
    of: (request: object): Session<Data> => {
      const session = sessionOf(sessions, request)
      if (session !== undefined) return session
      throw new SessionError(
        'no-session',
        'expressSessions: the middleware has not run for this request; app.use it first',
      )
    },
  })
}

// Registered, so that two installed copies of this package see each other's work on a request.
const SESSIONS = Symbol.for('sojourn.express.sessions')

function sessionOf<Data extends object>(sessions: Sessions<Data>, request: object): Session<Data> | undefined {
  const opened: unknown = Reflect.get(request, SESSIONS)
  // Under a manager there are only sessions of that manager: `attach` is the one place that puts them there.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return opened instanceof Map ? (opened.get(sessions) as Session<Data> | undefined) : undefined
}

function attach<Data extends object>(sessions: Sessions<Data>, request: object, session: Session<Data>): void {
  const opened: unknown = Reflect.get(request, SESSIONS)
  if (opened instanceof Map) opened.set(sessions, session)
  else Object.defineProperty(request, SESSIONS, { value: new Map([[sessions, session]]) })
  // Another manager's session, or another library's, keeps the name; this one is found by `of`.
  if (!('session' in request)) Object.defineProperty(request, 'session', { value: session, enumerable: true })
}

/** Takes a token out of what handlers and access logs see of the URL. */
function showUrl(request: ExpressRequest, url: string): void {
  if (url === request.originalUrl) return
  const kept = new Set(new URLSearchParams(queryOf(url)).keys())
  // Express 4 has parsed the query already; Express 5 parses it when asked.
  const query = Object.hasOwn(request, 'query') ? request.query : undefined
  for (const name of new URLSearchParams(queryOf(request.originalUrl)).keys()) {
    if (!kept.has(name) && typeof query === 'object' && query !== null) Reflect.deleteProperty(query, name)
  }
  const rest = url.startsWith(request.baseUrl) ? url.slice(request.baseUrl.length) : url
  request.originalUrl = url
  request.url = rest.startsWith('/') ? rest : `/${rest}`
}

function queryOf(url: string): string {
  const at = url.indexOf('?')
  return at < 0 ? '' : url.slice(at + 1)
}

/** What Express's own error handler reads; it shows clients the message of an error only outside production. */
function withStatus(error: unknown): unknown {
  if (!(error instanceof Error) || !Object.isExtensible(error) || 'status' in error) return error
  const status = statusOf(error)
  return Object.assign(error, { status, statusCode: status, expose: false, headers: { 'Cache-Control': 'no-store' } })
}

/** What the request tells; looked up when asked for, because an anonymous visit asks for next to nothing. */
function factsOf(request: ExpressRequest): RequestFacts {
  return {
    method: request.method ?? 'GET',
    url: request.originalUrl,
    get secure() {
      return request.secure
    },
    get clientAddress() {
      return request.ip
    },
    header: headerOf(request),
    field: (name) => fieldOf(request.body, name),
  }
}
