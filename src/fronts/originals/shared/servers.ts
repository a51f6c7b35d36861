import type { Answer } from '../../../core/web/carrier.ts'
import { checkFunction, checkNames, optionNames } from '../../../core/options.ts'
import type { Session } from '../../../core/session.ts'
import type { Sessions } from '../../../core/sessions.ts'
import type { ExpressRequest } from '../../express.ts'
import { expressSessions } from '../../express.ts'
import { fetchSessions } from '../../fetch.ts'
import { nodeSessions } from '../../node.ts'
import { plainAnswer, withStatus } from '../../shared/failure.ts'
import { isFormType } from '../../shared/form.ts'
import type { NodeRequest } from '../../shared/node-request.ts'
import { headerOf } from '../../shared/node-request.ts'
import type { NodeResponse } from '../../shared/node-response.ts'
import { sendAnswer } from '../../shared/node-response.ts'
import type { ProxyOptions } from '../../shared/proxy.ts'
import { checkProxyOptions } from '../../shared/proxy.ts'
import { toResponse } from '../../shared/web-response.ts'
import { parsedFields, readFields } from './fields.ts'
import { submitted, visit } from './visit.ts'

/** What a page answers: a text, which is HTML, or more than that. */
export type Reply =
  | string
  | {
      /** @defaultValue 200 */
      readonly status?: number
      /** @defaultValue the content type of HTML; `cache-control` and what belongs to the session come beside them */
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
    }

/** How requests are read. */
export interface ServerOptions extends ProxyOptions {
  /**
   * For `fetch`: the client's address, which every runtime tells in its own way; `rest` is what it passes.
   * @defaultValue none
   */
  clientAddress?(this: void, request: Request, ...rest: readonly unknown[]): string | undefined
}

/** One application for several kinds of server. */
export interface Servers {
  /** For `createServer` of node:http, node:https and node:http2. */
  readonly node: (request: NodeRequest & AsyncIterable<unknown>, response: NodeResponse) => void
  /** For `app.use` of Express 4 and 5; with a body parser before it or without. Under a path too, pages see the whole path. */
  readonly express: (
    request: ExpressRequest & AsyncIterable<unknown>,
    response: NodeResponse,
    next: (error?: unknown) => void,
  ) => void
  /** For everything that turns a `Request` into a `Response`: Bun, Deno, Workers. */
  readonly fetch: (request: Request, ...rest: readonly unknown[]) => Promise<Response>
}

const serverOptionNames: readonly string[] = optionNames<ServerOptions>({
  clientAddress: true,
  trustProxy: true,
  proxyHeader: true,
})

/** @throws TypeError for names beside those of the servers and `others`, and for wrong values of the servers' own. */
export function checkServerOptions(where: string, options: ServerOptions, others: readonly string[] = []): void {
  checkNames(where, options, [...others, ...serverOptionNames])
  checkProxyOptions(where, options)
  checkFunction(`${where}: clientAddress`, options.clientAddress, 'that tells the address of a client')
}

/**
 * The options that are for the servers, and those that are for the engine.
 * @throws TypeError for names beside those of the servers and `others`.
 */
export function apart<Options extends ServerOptions>(
  where: string,
  options: Options,
  others: readonly string[],
): { readonly server: ServerOptions; readonly engine: Omit<Options, keyof ServerOptions> } {
  checkServerOptions(where, options, others)
  const { trustProxy = false, proxyHeader = 'x-forwarded', clientAddress = () => undefined, ...engine } = options
  return { server: { trustProxy, proxyHeader, clientAddress }, engine }
}

/** A page reads the request from `session.facts`, its address from `session.url`, its form by `submitted(session)`. */
export type Page<Data extends object> = (session: Session<Data>) => Reply | Promise<Reply>

/** Serves a page with what the fronts have: it is saved before the first byte leaves, also when the page throws. */
export function serversFor<Data extends object>(
  sessions: Sessions<Data>,
  page: Page<Data>,
  options: ServerOptions,
): Servers {
  const answer = async (session: Session<Data>, fields: URLSearchParams): Promise<Answer> =>
    answerOf(await visit(session, fields, page))
  return {
    node: nodeServer(sessions, answer, options),
    express: expressServer(sessions, answer),
    fetch: fetchServer(sessions, answer, options),
  }
}

/** The path that a request asks for, without its query and without a token in it. */
export function pathOf({ url }: { readonly url: string }): string {
  const at = url.indexOf('?')
  return at < 0 ? url : url.slice(0, at)
}

/** The fields of the query, and then those of the submitted form. */
export function fieldsOf(session: { readonly url: string }): URLSearchParams {
  const query = new URLSearchParams(session.url.slice(pathOf(session).length))
  return new URLSearchParams([...query, ...submitted(session)])
}

type Answering<Data extends object> = (session: Session<Data>, fields: URLSearchParams) => Promise<Answer>

function nodeServer<Data extends object>(
  sessions: Sessions<Data>,
  answer: Answering<Data>,
  { trustProxy = false, proxyHeader = 'x-forwarded' }: ServerOptions,
): Servers['node'] {
  const forms = new WeakMap<object, URLSearchParams>()
  const formOf = (request: object): URLSearchParams => forms.get(request) ?? new URLSearchParams()
  const withSession = nodeSessions(sessions, {
    trustProxy,
    proxyHeader,
    body: (request) => Object.fromEntries(formOf(request)),
  })
  const serve = withSession<NodeRequest, NodeResponse>(async (request, response, session) =>
    sendAnswer(response, await answer(session, formOf(request))),
  )
  return (request, response) => {
    if (!isFormType(headerOf(request)('content-type'))) return serve(request, response)
    const begin = (form: URLSearchParams | undefined): void => {
      if (form === undefined) return sendAnswer(response, TOO_LARGE)
      forms.set(request, form)
      serve(request, response)
    }
    // Whoever stopped sending in the middle waits for no answer.
    void readFields(request).then(begin, () => response.destroy())
  }
}

function expressServer<Data extends object>(sessions: Sessions<Data>, answer: Answering<Data>): Servers['express'] {
  const withSession = expressSessions(sessions)
  return (request, response, next) => {
    const reply = (form: URLSearchParams): Promise<void> =>
      answer(withSession.of(request), form)
        .then((sent) => sendAnswer(response, sent))
        .catch((error: unknown) => next(withStatus(error)))
    const begin = (form: URLSearchParams | undefined): void => {
      if (form === undefined) return sendAnswer(response, TOO_LARGE)
      // What it calls runs with the session as the current one, so the page must begin there.
      withSession(request, response, (error) => (error === undefined ? void reply(form) : next(error)))
    }
    formOfExpress(request).then(begin).catch(next)
  }
}

async function formOfExpress(request: Parameters<Servers['express']>[0]): Promise<URLSearchParams | undefined> {
  const { body } = request
  if (typeof body === 'object' && body !== null) return parsedFields(body)
  if (!isFormType(headerOf(request)('content-type'))) return new URLSearchParams()
  const form = await readFields(request)
  // Where a parser would have put it.
  Reflect.set(request, 'body', Object.fromEntries(form ?? []))
  return form
}

function fetchServer<Data extends object>(
  sessions: Sessions<Data>,
  answer: Answering<Data>,
  options: ServerOptions,
): Servers['fetch'] {
  const onError = (error: unknown): Response => {
    console.error(error)
    return toResponse(plainAnswer(error))
  }
  const withSession = fetchSessions(sessions, { ...options, form: true, onError })
  return withSession(async (request, session) => {
    const isForm = isFormType(request.headers.get('content-type') ?? undefined)
    const form = isForm && request.body !== null ? await readFields(request.body) : new URLSearchParams()
    return toResponse(form === undefined ? TOO_LARGE : await answer(session, form))
  })
}

const TOO_LARGE: Answer = { ...plainAnswer(undefined), status: 413, body: 'Content Too Large' }

function answerOf(reply: Reply): Answer {
  if (!isReply(reply)) throw new TypeError('page: it must answer with a text, or with { status, headers, body }')
  const { status = 200, headers = {}, body = '' } = typeof reply === 'string' ? { body: reply } : reply
  const fields = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  return { status, headers: [...new Map([['content-type', 'text/html; charset=utf-8'], ...fields])], cookies: [], body }
}

// A number, nothing, or a Response would pass for an empty page.
function isReply(reply: unknown): reply is Reply {
  if (typeof reply === 'string') return true
  if (typeof reply !== 'object' || reply === null) return false
  const body: unknown = Reflect.get(reply, 'body')
  return body === undefined || typeof body === 'string'
}
