import { isSessionError } from '../core/errors.ts'
import type { Session } from '../core/session.ts'
import type { Sessions } from '../core/sessions.ts'
import { checkBindable } from './shared/bindable.ts'
import { optionNames } from '../core/options.ts'
import { commitAfterThrow } from './shared/commit-after-throw.ts'
import { discard } from './shared/discard.ts'
import { plainAnswer } from './shared/failure.ts'
import { openTogether } from './shared/open-together.ts'
import type { WebRequestOptions } from './shared/proxied-request.ts'
import { proxiedFactsOf } from './shared/proxied-request.ts'
import { checkFront } from './shared/made-with.ts'
import { withUrl } from './shared/web-request.ts'
import { toResponse, withOutcome } from './shared/web-response.ts'

/** Options of {@link fetchSessions}. `Rest` is what the runtime passes after the request. */
export interface FetchSessionsOptions<Rest extends readonly unknown[]> extends WebRequestOptions {
  /**
   * The client's address, which every runtime tells in its own way.
   * @defaultValue none
   */
  readonly clientAddress?: (request: Request, ...rest: Rest) => string | undefined
  /**
   * Answers when the handler throws or the session cannot be loaded or saved.
   * @defaultValue for an error of the session a plain text with its status, and the error on the console; others are thrown on
   */
  readonly onError?: (error: unknown, request: Request, ...rest: Rest) => Response | Promise<Response>
}

const NAMES = optionNames<FetchSessionsOptions<readonly unknown[]>>({
  form: true,
  clientAddress: true,
  trustProxy: true,
  proxyHeader: true,
  onError: true,
})

/** A request handler with a session. */
export type FetchHandler<Data extends object, Rest extends readonly unknown[]> = (
  request: Request,
  session: Session<Data>,
  ...rest: Rest
) => Response | Promise<Response>

/** Gives fetch-style handlers a session. */
export type FetchSessions<Data extends object, Rest extends readonly unknown[]> = <R extends Rest>(
  handler: FetchHandler<Data, R>,
) => (request: Request, ...rest: R) => Promise<Response>

/**
 * Sessions for everything that turns a `Request` into a `Response`: Bun, Deno, Workers, and the frameworks on them.
 *
 * ```ts
 * const withSession = fetchSessions(sessions)
 * export default {
 *   fetch: withSession((request, session) => new Response(`visit ${(session.data.visits += 1)}`)),
 * }
 * ```
 *
 * What the handler changed is saved before the response is returned; also when the handler throws. If it cannot be saved
 * the client gets an error instead of the page. What the code of a streamed body changes later is saved if the session exists already.
 */
export function fetchSessions<Data extends object, Rest extends readonly unknown[] = readonly unknown[]>(
  sessions: Sessions<Data>,
  options: FetchSessionsOptions<Rest> = {},
): FetchSessions<Data, Rest> {
  checkFront('fetchSessions', sessions, options, NAMES)
  checkBindable('fetchSessions', sessions, options)
  return (handler) =>
    async (request, ...rest) => {
      const fail = async (error: unknown): Promise<Response> => {
        if (options.onError !== undefined) return options.onError(error, request, ...rest)
        console.error(error)
        return toResponse(plainAnswer(error))
      }
      let session: Session<Data>
      try {
        session = await openTogether(
          sessions,
          await proxiedFactsOf(request, () => options.clientAddress?.(request, ...rest), options),
        )
      } catch (error) {
        return fail(error)
      }
      if (session.answer !== undefined) return toResponse(session.answer)
      let response: Response
      try {
        response = await sessions.run(session, () => handler(withUrl(request, session.url), session, ...rest))
      } catch (error) {
        const outcome = await commitAfterThrow(session)
        // What is no error of a session is for the server that this runs on.
        if (options.onError === undefined && !isSessionError(error)) throw error
        return withOutcome(await fail(error), outcome)
      }
      try {
        return withOutcome(response, await session.commit())
      } catch (error) {
        // Nobody will read the page: what feeds it must be told.
        discard(response, error)
        return fail(error)
      }
    }
}
