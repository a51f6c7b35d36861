import type { RequestFacts } from '../core/carrier.ts'
import type { Session } from '../core/session.ts'
import type { Sessions } from '../core/sessions.ts'
import { plainAnswer } from './shared/failure.ts'
import { isForm, readForm } from './shared/form.ts'
import type { ProxyOptions } from './shared/proxy.ts'
import { checkProxyOptions, clientBehind } from './shared/proxy.ts'
import { toResponse, withOutcome } from './shared/web-response.ts'

/** Options of {@link fetchSessions}. `Rest` is what the runtime passes after the request. */
export interface FetchSessionsOptions<Rest extends readonly unknown[]> extends ProxyOptions {
  /** The client's address, which every runtime tells in its own way. */
  readonly clientAddress?: (request: Request, ...rest: Rest) => string | undefined
  /**
   * Reads submitted forms before the handler does, for the form carrier.
   * @defaultValue false
   */
  readonly form?: boolean
  /**
   * Answers when the handler throws or the session cannot be loaded or saved.
   * @defaultValue for the session a plain 503 or 500, and the error on the console; what the handler throws is thrown on
   */
  readonly onError?: (error: unknown, request: Request, ...rest: Rest) => Response | Promise<Response>
}

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
 * the client gets an error instead of the page. What the code of a streamed body changes later is not saved any more.
 */
export function fetchSessions<Data extends object, Rest extends readonly unknown[] = readonly unknown[]>(
  sessions: Sessions<Data>,
  options: FetchSessionsOptions<Rest> = {},
): FetchSessions<Data, Rest> {
  checkProxyOptions(options)
  return (handler) =>
    async (request, ...rest) => {
      const fail = async (error: unknown): Promise<Response> => {
        if (options.onError !== undefined) return options.onError(error, request, ...rest)
        console.error(error)
        return toResponse(plainAnswer(error))
      }
      let session: Session<Data>
      try {
        session = await sessions.open(await factsOf(request, rest, options))
      } catch (error) {
        return fail(error)
      }
      if (session.answer !== undefined) return toResponse(session.answer)
      let response: Response
      try {
        response = await sessions.run(session, () => handler(withUrl(request, session.url), session, ...rest))
      } catch (error) {
        // What the handler did before it threw is saved; if that fails too, its own error is the one to tell.
        const outcome = await Promise.resolve(session.commit()).catch(() => undefined)
        if (options.onError === undefined) throw error
        return withOutcome(await options.onError(error, request, ...rest), outcome)
      }
      try {
        return withOutcome(response, await session.commit())
      } catch (error) {
        // Nobody will read the page: what feeds it must be told.
        void response.body?.cancel(error).catch(() => undefined)
        return fail(error)
      }
    }
}

async function factsOf<Rest extends readonly unknown[]>(
  request: Request,
  rest: Rest,
  options: FetchSessionsOptions<Rest>,
): Promise<RequestFacts> {
  const header = (name: string): string | undefined => request.headers.get(name) ?? undefined
  const form = options.form === true && isForm(request) ? await readForm(request) : undefined
  const client = (): { secure: boolean; clientAddress: string | undefined } =>
    clientBehind(
      () => ({ secure: request.url.startsWith('https:'), clientAddress: options.clientAddress?.(request, ...rest) }),
      header,
      options,
    )
  return {
    method: request.method,
    url: request.url.slice(request.url.indexOf('/', request.url.indexOf('//') + 2)),
    get secure() {
      return client().secure
    },
    get clientAddress() {
      return client().clientAddress
    },
    header,
    field: (name) => form?.get(name) ?? undefined,
  }
}

function withUrl(request: Request, url: string): Request {
  return request.url.endsWith(url) ? request : new Request(new URL(url, request.url), request)
}
