import type { RequestFacts } from '../core/web/carrier.ts'
import type { Session } from '../core/session.ts'
import type { Sessions } from '../core/sessions.ts'
import { withStatus } from './shared/failure.ts'
import { gateResponse } from './shared/gate.ts'
import { LazyFacts } from './shared/lazy-facts.ts'
import { checkBareFront } from './shared/made-with.ts'
import type { NodeRequest } from './shared/node-request.ts'
import { fieldOf, hasHungUp, headerOf, peerOf } from './shared/node-request.ts'
import type { NodeResponse } from './shared/node-response.ts'
import { sendAnswer } from './shared/node-response.ts'
import { keepOn, openThen, openedOn, requiredOn } from './shared/opened.ts'
import { forgetParameters, urlUnder } from './shared/shown-url.ts'

export type { WithSession } from './shared/opened.ts'

/**
 * The part of Express's requests that this front reads. What it says of the client follows the setting `trust proxy`; a
 * request of Node's own, as Socket.IO's engine has them, tells of its connection.
 */
export interface ExpressRequest extends NodeRequest {
  readonly secure?: boolean
  readonly ip?: string | undefined
  readonly baseUrl?: string
  originalUrl?: string
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
 *   namespace Express { interface Request extends WithSession<Visit> {} }
 * }
 * ```
 *
 * What handlers changed is saved before the first byte of the response leaves; also on redirects and errors. If it
 * cannot be saved, `next(error)` is called, with its status, 503 where the store is away, and nothing of the page is sent. Installing the
 * middleware twice does no harm. Behind a proxy set Express's own `trust proxy`. A form carrier reads `request.body`, so
 * its parser must run before.
 *
 * `io.engine.use(withSession)` gives it to the handshakes of Socket.IO. The response to a WebSocket's carries no headers:
 * there a session that exists can be read and changed, and none can begin or get another token.
 */
export function expressSessions<Data extends object>(
  sessions: Sessions<Data>,
  ...others: readonly []
): ExpressSessions<Data> {
  checkBareFront('expressSessions', sessions, others, "Express's own setting trust proxy")
  const middleware = (request: ExpressRequest, response: NodeResponse, next: (error?: unknown) => void): void => {
    if (openedOn(sessions, request) !== undefined) return next()
    const refuse = (error: unknown): void => next(withStatus(error))
    const facts = factsOf(request, hasHeaders(response))
    const start = (session: Session<Data>): void | Promise<void> => {
      if (session.answer !== undefined && facts.hasResponse) return sendAnswer(response, session.answer)
      keepOn(sessions, request, session)
      showUrl(request, session.url)
      const enter = (): void => sessions.run(session, () => next())
      if (!facts.hasResponse) return Promise.resolve(session.commit()).then(enter)
      gateResponse(response, session, refuse)
      enter()
    }
    openThen(sessions, facts, start, refuse)
  }
  return Object.assign(middleware, { of: (request: object) => requiredOn(sessions, request, 'expressSessions') })
}

// What Socket.IO's engine gives to middleware at a WebSocket's handshake is no response of Node's.
function hasHeaders(response: NodeResponse): boolean {
  return typeof response.getHeaderNames === 'function'
}

/** Takes a token out of what handlers and access logs see of the URL. */
function showUrl(request: ExpressRequest, url: string): void {
  const before = urlOf(request)
  if (url === before) return
  // Express 4 has parsed the query already; Express 5 parses it when asked.
  if (Object.hasOwn(request, 'query')) forgetParameters(request.query, before, url)
  request.originalUrl = url
  request.url = urlUnder(request.baseUrl ?? '', url)
}

function urlOf({ originalUrl, url = '/' }: ExpressRequest): string {
  return originalUrl ?? url
}

function factsOf(request: ExpressRequest, hasResponse: boolean): RequestFacts {
  return new LazyFacts(
    {
      method: request.method ?? 'GET',
      url: urlOf(request),
      hasResponse,
      header: headerOf(request),
      field: (name) => fieldOf(request.body, name),
    },
    () => (request.secure === undefined ? peerOf(request) : { secure: request.secure, clientAddress: request.ip }),
    () => hasHungUp(request),
  )
}
