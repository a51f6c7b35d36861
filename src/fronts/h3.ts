import type { Outcome } from '../core/web/response.ts'
import { applyOutcome } from '../core/web/response.ts'
import type { Session } from '../core/session.ts'
import type { Sessions } from '../core/sessions.ts'
import { optionNames } from '../core/options.ts'
import { commitAfterThrow } from './shared/commit-after-throw.ts'
import { commitOnce } from './shared/commit-once.ts'
import { discard } from './shared/discard.ts'
import { plainAnswer, withStatus } from './shared/failure.ts'
import type { Committable } from './shared/gate.ts'
import { gateResponse } from './shared/gate.ts'
import { checkFront } from './shared/made-with.ts'
import type { NodeResponse } from './shared/node-response.ts'
import { sendAnswer } from './shared/node-response.ts'
import { keepOn, openOr, openedOn, requiredOn } from './shared/opened.ts'
import type { FormOption } from './shared/web-request.ts'
import { webFactsOf, webPeerOf } from './shared/web-request.ts'
import { sinkOf, toResponse } from './shared/web-response.ts'

export type { WithSession } from './shared/opened.ts'
export type { FormOption as H3SessionsOptions } from './shared/web-request.ts'

/** The part of h3's events that this front calls. */
export interface H3Event {
  readonly req: Request & { readonly ip?: string | undefined }
  readonly url: URL
  /** Early versions, as Nitro 3.0 has one, know no headers of errors. */
  readonly res: { readonly headers: Headers; readonly errHeaders?: Headers }
  readonly context: object
  readonly runtime?: { readonly node?: { readonly res?: NodeResponse | undefined } | undefined } | undefined
}

const NAMES = optionNames<FormOption>({ form: true })

/** h3 middleware that gives each event a session. */
export interface H3Sessions<Data extends object> {
  (event: H3Event, next: () => unknown): Promise<unknown>
  /**
   * The event's session, typed; the same object as `event.context.session`.
   * @throws SessionError `no-session` when the middleware has not run for this event.
   */
  of(event: { readonly context: object }): Session<Data>
}

/**
 * Sessions for h3 2, and so for Nitro 3: there it is the default export of a file in `middleware/`.
 *
 * ```ts
 * const useVisit = h3Sessions(sessions)
 * const app = new H3().use(useVisit)
 * app.get('/', (event) => `visit ${(useVisit.of(event).data.visits += 1)}`)
 * ```
 *
 * `event.context.session` is the same object. For its type, say once in your program:
 *
 * ```ts
 * declare module 'h3' {
 *   interface H3EventContext extends WithSession<Visit> {}
 * }
 * ```
 *
 * What handlers changed is saved before the response is made; also when they throw. If a session cannot be loaded or
 * saved, h3's error handling gets the error, with its status, 503 where the store is away. What the code of a streamed body changes later is
 * saved if the session exists already. Installing the middleware twice does no harm. Behind a proxy set `trustProxy` of h3's `serve`. Outside Node, an `onError` of the application's
 * configuration must return something else than a `Response`, because h3 would not add the session's headers to it.
 */
export function h3Sessions<Data extends object>(sessions: Sessions<Data>, options: FormOption = {}): H3Sessions<Data> {
  checkFront('h3Sessions', sessions, options, NAMES)
  const middleware = async (event: H3Event, next: () => unknown): Promise<unknown> => {
    if (openedOn(sessions, event.context) !== undefined) return next()
    const session = await openOr(
      sessions,
      webFactsOf(event.req, () => webPeerOf(event.req, event.req.ip), options),
      withStatus,
    )
    if (session.answer !== undefined) return toResponse(session.answer)
    keepOn(sessions, event.context, session)
    showUrl(event, session.url)
    const committed = commitOnce(session)
    gateNode(event, committed)
    let page: unknown
    try {
      page = await sessions.run(session, next)
    } catch (error) {
      addOutcome(event, await commitAfterThrow(committed), error)
      throw error
    }
    try {
      return addOutcome(event, await committed.commit(event.runtime?.node?.res), page)
    } catch (error) {
      discard(page, error)
      for (const name of Array.from(event.res.headers.keys())) event.res.headers.delete(name)
      throw withStatus(error)
    }
  }
  return Object.assign(middleware, {
    of: (event: { readonly context: object }) => requiredOn(sessions, event.context, 'h3Sessions'),
  })
}

/** For handlers of Node's own kind, which h3 calls with Node's response and does not wait to be given one. */
function gateNode({ runtime }: H3Event, committed: Committable): void {
  const response = runtime?.node?.res
  if (response === undefined) return
  gateResponse(response, committed, (error) => {
    console.error(error)
    sendAnswer(response, plainAnswer(error))
  })
}

/** h3 lays the one over what a handler returned, and the other over what became an error. */
function addOutcome({ res }: H3Event, outcome: Outcome | undefined, page: unknown): unknown {
  if (outcome === undefined) return page
  const own: unknown = Reflect.get(Object(page), 'headers')
  const beneath = own instanceof Headers ? own : undefined
  for (const headers of [res.headers, res.errHeaders]) {
    if (headers !== undefined) applyOutcome(outcome, sinkOf(headers, beneath))
  }
  // Early versions lay them over the very object, which may be a constant that the next visitor gets too.
  return page instanceof Response && page.status >= 200 ? new Response(page.body, page) : page
}

/** Takes a token out of what handlers and access logs see of the URL. */
function showUrl({ req, url }: H3Event, shown: string): void {
  if (req.url.endsWith(shown)) return
  const before = new URL(req.url)
  const after = new URL(shown, before)
  Object.defineProperty(req, 'url', { value: after.href })
  url.search = after.search
  // Where the application is mounted the event has the end of the path only.
  const prefix = before.pathname.length - url.pathname.length
  url.pathname = after.pathname.slice(prefix)
}
