import { SessionError, isSessionError } from '../core/errors.ts'
import type { Session } from '../core/session.ts'
import type { Sessions } from '../core/sessions.ts'
import { checkBindable } from './shared/bindable.ts'
import { optionNames } from '../core/options.ts'
import { commitAfterThrow } from './shared/commit-after-throw.ts'
import { discard } from './shared/discard.ts'
import { plainAnswer, withStatus } from './shared/failure.ts'
import { keepOn, openOr, openedOn, requiredOn } from './shared/opened.ts'
import type { WebRequestOptions } from './shared/proxied-request.ts'
import { proxiedFactsOf } from './shared/proxied-request.ts'
import { checkFront } from './shared/made-with.ts'
import { withUrl } from './shared/web-request.ts'
import { toResponse, withOutcome } from './shared/web-response.ts'

export type { WithSession } from './shared/opened.ts'

/** The part of Hono's context that this front calls. */
interface HonoContext {
  readonly req: { raw: Request }
  get res(): Response
  set res(response: Response | undefined)
  get(key: 'session'): unknown
  set(key: 'session', value: unknown): void
}

/** Options of {@link honoSessions}. */
export interface HonoSessionsOptions<Context extends HonoContext> extends WebRequestOptions {
  /**
   * The client's address, which every runtime tells in its own way; such as `(c) => getConnInfo(c).remote.address`.
   * @defaultValue none
   */
  readonly clientAddress?: (context: Context) => string | undefined
}

const NAMES = optionNames<HonoSessionsOptions<HonoContext>>({
  form: true,
  clientAddress: true,
  trustProxy: true,
  proxyHeader: true,
})

/** Hono middleware that gives each context a session. */
export interface HonoSessions<Data extends object, Context extends HonoContext = HonoContext> {
  (context: Context, next: () => Promise<void>): Promise<Response | undefined>
  /**
   * The request's session, typed; the same object as `c.get('session')`.
   * @throws SessionError `no-session` when the middleware has not run for this request.
   */
  of(context: object): Session<Data>
}

/**
 * Sessions for Hono 4, on every runtime that it runs on.
 *
 * ```ts
 * const app = new Hono<{ Variables: WithSession<Visit> }>()
 * app.use(honoSessions(sessions))
 * app.get('/', (c) => c.text(`visit ${(c.get('session').data.visits += 1)}`))
 * ```
 *
 * What handlers changed is saved before the response is returned; also when they throw. If it cannot be loaded or saved,
 * `app.onError` gets the error; as an answer of its own it brings a plain text with its status, in `error.getResponse()`. What the
 * code of a streamed body changes later is saved if the session exists already. Installing the middleware twice does no harm.
 */
export function honoSessions<Data extends object, Context extends HonoContext = HonoContext>(
  sessions: Sessions<Data>,
  options: HonoSessionsOptions<Context> = {},
): HonoSessions<Data, Context> {
  checkFront('honoSessions', sessions, options, NAMES)
  checkBindable('honoSessions', sessions, options)
  letErrorsAnswer()
  const middleware = async (context: Context, next: () => Promise<void>): Promise<Response | undefined> => {
    if (openedOn(sessions, context) !== undefined) {
      await next()
      return undefined
    }
    const { raw } = context.req
    const session = await openOr(
      sessions,
      proxiedFactsOf(raw, () => options.clientAddress?.(context), options),
      withResponse,
    )
    if (session.answer !== undefined) return toResponse(session.answer)
    keepOn(sessions, context, session)
    if (context.get('session') === undefined) context.set('session', session)
    context.req.raw = withUrl(raw, session.url)
    try {
      await sessions.run(session, next)
    } catch (error) {
      // Hono hands on only what is no Error.
      await commitAfterThrow(session)
      throw error
    }
    try {
      replace(context, withOutcome(context.res, await session.commit()))
      return undefined
    } catch (error) {
      discard(context.res, error)
      replace(context, toResponse(plainAnswer(error)))
      throw withResponse(error)
    }
  }
  return Object.assign(middleware, { of: (context: object) => requiredOn(sessions, context, 'honoSessions') })
}

// A response that is put over another one gets the headers of that one too.
function replace(context: HonoContext, response: Response): void {
  context.res = undefined
  context.res = response
}

// What a handler throws Hono answers before any middleware hears of it, and it asks the error itself for the answer.
function letErrorsAnswer(): void {
  if ('getResponse' in SessionError.prototype) return
  Object.defineProperty(SessionError.prototype, 'getResponse', {
    value(this: SessionError) {
      return toResponse(plainAnswer(this))
    },
  })
}

/** What Hono's own error handler reads. */
function withResponse(error: unknown): Error {
  const known = withStatus(error)
  return isSessionError(known) ? known : Object.assign(known, { getResponse: () => toResponse(plainAnswer(error)) })
}
