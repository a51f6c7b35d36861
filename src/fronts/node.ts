import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestFacts } from '../core/web/carrier.ts'
import type { Session } from '../core/session.ts'
import type { Sessions } from '../core/sessions.ts'
import { optionNames } from '../core/options.ts'
import { plainAnswer } from './shared/failure.ts'
import type { Gate } from './shared/gate.ts'
import { gateResponse } from './shared/gate.ts'
import { LazyFacts } from './shared/lazy-facts.ts'
import { checkFront } from './shared/made-with.ts'
import type { NodeRequest } from './shared/node-request.ts'
import { fieldOf, hasHungUp, headerOf, peerOf } from './shared/node-request.ts'
import type { NodeResponse } from './shared/node-response.ts'
import { cutOff, sendAnswer } from './shared/node-response.ts'
import { originalUrlOf, showUrl } from './shared/shown-url.ts'
import { openTogether } from './shared/open-together.ts'
import type { ProxyOptions } from './shared/proxy.ts'
import { clientBehind } from './shared/proxy.ts'

/** Options of {@link nodeSessions}. */
export interface NodeSessionsOptions extends ProxyOptions {
  /**
   * The parsed body of a request, for the form carrier; whatever read it must have done so before.
   * @defaultValue none: the form carrier finds no token
   */
  body?(request: IncomingMessage): Readonly<Record<string, unknown>> | undefined
  /**
   * Answers when the handler throws or the session cannot be loaded or saved. Nothing of the page was sent, unless
   * `response.headersSent`: then this is only told, and the connection is closed. Over http2 the response is that of its
   * compatibility API.
   * @defaultValue a plain text with its status, and the error on the console
   */
  onError?(error: unknown, request: IncomingMessage, response: ServerResponse): unknown
}

const NAMES = optionNames<NodeSessionsOptions>({ body: true, onError: true, trustProxy: true, proxyHeader: true })

/** The same options, as this file calls them: with whichever server's request and response it was given. */
interface Options extends ProxyOptions {
  /** @defaultValue none: the form carrier finds no token */
  body?(request: NodeRequest): Readonly<Record<string, unknown>> | undefined
  onError?(error: unknown, request: NodeRequest, response: NodeResponse): unknown
}

/** A request handler with a session. */
export type NodeHandler<Data extends object, Request, Response> = (
  request: Request,
  response: Response,
  session: Session<Data>,
) => unknown

/** Gives request handlers of Node's servers a session. */
export interface NodeSessions<Data extends object> {
  <Request extends NodeRequest = IncomingMessage, Response extends NodeResponse = ServerResponse>(
    handler: NodeHandler<Data, Request, Response>,
  ): (request: Request, response: Response) => void
  /**
   * The session of a request that becomes a WebSocket or other connection: to be read only, since no response can carry a
   * cookie. `session.isAlive()` asks later, at each message that matters, whether it still is.
   */
  upgrade(request: NodeRequest): Promise<Session<Data>>
}

/**
 * Sessions for `createServer` of node:http, node:https and node:http2.
 *
 * ```ts
 * const withSession = nodeSessions(sessions)
 * createServer(withSession((request, response, session) => {
 *   session.data.visits += 1
 *   response.end(`visit ${session.data.visits}`)
 * }))
 * ```
 *
 * What the handler changed is saved before the first byte of the response leaves; also when the handler throws. If it
 * cannot be saved the client gets an error instead of the page.
 */
export function nodeSessions<Data extends object>(
  sessions: Sessions<Data>,
  options: NodeSessionsOptions = {},
): NodeSessions<Data> {
  checkFront('nodeSessions', sessions, options, NAMES)
  const upgrade = (request: NodeRequest): Promise<Session<Data>> => sessions.openReadOnly(factsOf(request, options))
  return Object.assign(
    <Request extends NodeRequest, Response extends NodeResponse>(handler: NodeHandler<Data, Request, Response>) =>
      (request: Request, response: Response): void =>
        serve(sessions, options, { request, response, handler }),
    { upgrade },
  )
}

interface Exchange<Data extends object, Request extends NodeRequest, Response extends NodeResponse> {
  readonly request: Request
  readonly response: Response
  readonly handler: NodeHandler<Data, Request, Response>
}

function serve<Data extends object, Request extends NodeRequest, Response extends NodeResponse>(
  sessions: Sessions<Data>,
  options: Options,
  { request, response, handler }: Exchange<Data, Request, Response>,
): void {
  let gate: Gate | undefined
  const fail = (error: unknown): void => answerFailure(options, { request, response, gate }, error)
  const run = async (): Promise<unknown> => {
    const session = await openTogether(sessions, factsOf(request, options))
    if (session.answer !== undefined) return sendAnswer(response, session.answer)
    showUrl(request, session.url)
    gate = gateResponse(response, session, fail)
    return sessions.run(session, () => handler(request, response, session))
  }
  run().catch(fail)
}

interface Failed {
  readonly request: NodeRequest
  readonly response: NodeResponse
  readonly gate: Gate | undefined
}

function answerFailure(options: Options, { request, response, gate }: Failed, error: unknown): void {
  const answerPlainly = (cause: unknown): void => {
    console.error(cause)
    if (response.headersSent) return
    gate?.reset()
    sendAnswer(response, plainAnswer(cause))
  }
  // Half a page must not pass for a whole one.
  if (response.headersSent && !response.writableEnded) cutOff(response)
  if (options.onError === undefined) return answerPlainly(error)
  try {
    const answered = options.onError(error, request, response)
    if (answered instanceof Promise) answered.catch(answerPlainly)
  } catch (fault) {
    answerPlainly(fault)
  }
}

function factsOf(request: NodeRequest, options: Options): RequestFacts {
  const header = headerOf(request)
  return new LazyFacts(
    {
      method: request.method ?? 'GET',
      url: originalUrlOf(request),
      header,
      field: (name) => fieldOf(options.body?.(request), name),
    },
    () => clientBehind(() => peerOf(request), header, options),
    () => hasHungUp(request),
  )
}
