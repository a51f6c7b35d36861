import type { Answer, RequestFacts } from '../core/web/carrier.ts'
import type { Session } from '../core/session.ts'
import type { Sessions } from '../core/sessions.ts'
import { commitOnce } from './shared/commit-once.ts'
import { plainAnswer, withStatus } from './shared/failure.ts'
import { gateResponse } from './shared/gate.ts'
import { LazyFacts } from './shared/lazy-facts.ts'
import { checkBareFront } from './shared/made-with.ts'
import type { NodeRequest } from './shared/node-request.ts'
import { fieldOf, hasHungUp, headerOf } from './shared/node-request.ts'
import type { NodeResponse } from './shared/node-response.ts'
import { keepOn, openOr, openedOn, requiredOn } from './shared/opened.ts'
import { urlUnder } from './shared/shown-url.ts'

export type { WithSession } from './shared/opened.ts'

/** The part of Koa's context that this front calls. What it says of the client follows the setting `app.proxy`. */
interface KoaContext {
  readonly req: NodeRequest
  readonly res: NodeResponse
  /** Koa's request; a parser of bodies puts what it has read there. */
  readonly request: { originalUrl: string; readonly body?: unknown }
  readonly method: string
  readonly secure: boolean
  readonly ip: string
  url: string
  originalUrl: string
  status: number
  body: unknown
  readonly respond?: boolean | undefined
  set(name: string, value: string | string[]): void
  onerror(error: unknown): void
}

/** Koa middleware that gives each context a session. */
export interface KoaSessions<Data extends object> {
  (context: KoaContext, next: () => Promise<unknown>): Promise<unknown>
  /**
   * The request's session, typed; the same object as `ctx.session`.
   * @throws SessionError `no-session` when the middleware has not run for this request.
   */
  of(context: object): Session<Data>
}

/**
 * Sessions for Koa 3.
 *
 * ```ts
 * const app = new Koa<Koa.DefaultState, WithSession<Visit>>()
 * app.use(koaSessions(sessions))
 * app.use((ctx) => {
 *   ctx.session.data.visits += 1
 *   ctx.body = `visit ${ctx.session.data.visits}`
 * })
 * ```
 *
 * What the middleware below changed is saved when it is done, and before the first byte of the response leaves; also when
 * it throws. A session that cannot be loaded or saved is an error thrown to the middleware above, with the status 503 or
 * 500; nothing of the page is sent, whatever is made of the error. Installing it twice does no harm. Behind a proxy set
 * Koa's own `app.proxy`, and `app.maxIpsCount` to the number of proxies. A form carrier reads `ctx.request.body`, so its
 * parser must come before.
 */
export function koaSessions<Data extends object>(sessions: Sessions<Data>, ...others: readonly []): KoaSessions<Data> {
  checkBareFront('koaSessions', sessions, others, "Koa's own app.proxy")
  const middleware = async (context: KoaContext, next: () => Promise<unknown>): Promise<unknown> => {
    if (openedOn(sessions, context) !== undefined) return next()
    const session = await openOr(sessions, factsOf(context), withStatus)
    if (session.answer !== undefined) return answerWith(context, session.answer)
    keepOn(sessions, context, session)
    showUrl(context, session.url)
    const committed = commitOnce(session)
    const gate = gateResponse(context.res, committed, (error) => context.onerror(withStatus(error)))
    await sessions.run(session, next)
    // Whoever answers past Koa does so when it pleases; the gate commits then.
    if (context.respond === false) return undefined
    try {
      await committed.commit(context.res)
      return undefined
    } catch (error) {
      gate.reset()
      // For a middleware above that swallows the error: it must not send the page.
      answerWith(context, plainAnswer(error))
      throw withStatus(error)
    }
  }
  return Object.assign(middleware, { of: (context: object) => requiredOn(sessions, context, 'koaSessions') })
}

function answerWith(context: KoaContext, answer: Answer): void {
  context.status = answer.status
  for (const [name, value] of answer.headers) context.set(name, value)
  if (answer.cookies.length > 0) context.set('set-cookie', [...answer.cookies])
  context.body = answer.body
}

/** Takes a token out of what handlers and access logs see of the URL. */
function showUrl(context: KoaContext, url: string): void {
  const { originalUrl } = context
  if (url === originalUrl) return
  // What mounts applications under a prefix takes it off the one, and leaves the other.
  const prefix = originalUrl.endsWith(context.url) ? originalUrl.slice(0, -context.url.length) : ''
  context.url = urlUnder(prefix, url)
  context.originalUrl = url
  context.request.originalUrl = url
}

function factsOf(context: KoaContext): RequestFacts {
  return new LazyFacts(
    {
      method: context.method,
      url: context.originalUrl,
      header: headerOf(context.req),
      field: (name) => fieldOf(context.request.body, name),
    },
    () => ({ secure: context.secure, clientAddress: context.ip }),
    () => hasHungUp(context.req),
  )
}
