import { isPlain } from '../../core/data/plain.ts'
import type { Answer, RequestFacts } from '../../core/web/carrier.ts'
import { applyOutcome } from '../../core/web/response.ts'
import { LazyFacts } from './lazy-facts.ts'
import type { NodeRequest } from './node-request.ts'
import { fieldOf, hasHungUp, headerOf } from './node-request.ts'
import type { NodeResponse } from './node-response.ts'
import { sinkOfHeaders } from './node-response.ts'
import { forgetParameters } from './shown-url.ts'
import type { AddToHead } from './write-head.ts'
import { addToHead } from './write-head.ts'

/** The part of Fastify's requests that this front calls. What they say of the client follows the option `trustProxy`. */
export interface FastifyRequest {
  /** With `originalUrl` where the option `rewriteUrl` has changed the URL. */
  readonly raw: NodeRequest & { originalUrl?: string | undefined }
  readonly method: string
  readonly protocol: string
  readonly ip: string
  readonly query: unknown
  readonly body: unknown
  readonly log: { error(error: unknown): void }
}

/** The part of Fastify's replies that this front calls. */
export interface FastifyReply {
  readonly raw: NodeResponse
  code(status: number): unknown
  getHeaders(): Readonly<Record<string, number | string | string[] | undefined>>
  header(name: string, value: unknown): unknown
  removeHeader(name: string): unknown
  send(payload: string): unknown
}

/** How a hook ends. */
export type Done = (error?: Error) => void
/** A hook before the handler. */
export type Hook = (request: FastifyRequest, reply: FastifyReply, done: Done) => void

/** The part of a Fastify instance that this front calls. */
export interface FastifyInstance {
  hasRequestDecorator(name: string): boolean
  decorateRequest(name: string, property: { getter(this: object): unknown }): unknown
  addHook(name: 'onRequest' | 'preValidation', hook: Hook): unknown
  addHook(
    name: 'onSend',
    hook: (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done) => void,
  ): unknown
}

/** Sends a complete answer. */
export function answerWith(reply: FastifyReply, answer: Answer): void {
  reply.code(answer.status)
  for (const [name, value] of answer.headers) reply.header(name, value)
  if (answer.cookies.length > 0) reply.header('set-cookie', [...answer.cookies])
  reply.send(answer.body)
}

/**
 * As {@link addToHead}, without a detour where the call brings all headers that there are, in lower case, as replies do:
 * that saves a microsecond of twelve.
 */
export const addToReplyHead: AddToHead = (response, outcome, args) => {
  const [status, headers] = args
  const isAll = isPlain(headers) && response.getHeaderNames().length === 0
  if (!isAll || Object.keys(headers).some((name) => /[A-Z]/.test(name))) return addToHead(response, outcome, args)
  const own = { ...headers }
  applyOutcome(outcome, sinkOfHeaders(own))
  return [status, own]
}

/** Takes a token out of what handlers see of the URL. The router has read it before. */
export function showUrl(request: FastifyRequest, url: string): void {
  const before = urlOf(request)
  if (url === before) return
  forgetParameters(request.query, before, url)
  Reflect.set(request.raw, isRewritten(request) ? 'originalUrl' : 'url', url)
}

export function factsOf(request: FastifyRequest): RequestFacts {
  return new LazyFacts(
    {
      method: request.method,
      url: urlOf(request),
      header: headerOf(request.raw),
      field: (name) => fieldOf(request.body, name),
    },
    () => ({ secure: request.protocol === 'https', clientAddress: request.ip }),
    () => hasHungUp(request.raw),
  )
}

// Not `request.originalUrl`, which would remember the token.
function urlOf({ raw }: FastifyRequest): string {
  return raw.originalUrl ?? raw.url ?? '/'
}

function isRewritten({ raw }: FastifyRequest): boolean {
  return raw.originalUrl !== undefined
}
