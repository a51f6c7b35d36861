import type { Session } from '../core/session.ts'
import type { Sessions } from '../core/sessions.ts'
import { optionNames } from '../core/options.ts'
import { commitOnce } from './shared/commit-once.ts'
import { discard } from './shared/discard.ts'
import { plainAnswer, statusOf, withStatus } from './shared/failure.ts'
import type { Done, FastifyInstance, FastifyReply, FastifyRequest, Hook } from './shared/fastify.ts'
import { addToReplyHead, answerWith, factsOf, showUrl } from './shared/fastify.ts'
import type { Committable, Gate } from './shared/gate.ts'
import { gateResponse } from './shared/gate.ts'
import { checkFront } from './shared/made-with.ts'
import { sendAnswer } from './shared/node-response.ts'
import { firstOpenedOn, keepOn, openThen, openedOn, requiredOn } from './shared/opened.ts'

export type { WithSession } from './shared/opened.ts'

/** Options of {@link fastifySessions}. */
export interface FastifySessionsOptions {
  /**
   * Opens the session only when Fastify has parsed the body, for the form carrier: in `preValidation`, so that hooks
   * before that have no session yet.
   * @defaultValue false
   */
  readonly form?: boolean
}

const NAMES = optionNames<FastifySessionsOptions>({ form: true })

/** A Fastify plugin that gives each request a session. */
export interface FastifySessions<Data extends object> {
  (instance: FastifyInstance, options: unknown, done: Done): void
  /**
   * The request's session, typed; the same object as `request.session`.
   * @throws SessionError `no-session` when the plugin is not registered where the request was routed.
   */
  of(request: object): Session<Data>
}

/** A request that has a session, until its response begins. */
interface Exchange {
  readonly committed: Committable
  readonly gate: Gate
  readonly headers: ReturnType<FastifyReply['getHeaders']>
}

/**
 * Sessions for Fastify 5.
 *
 * ```ts
 * app.register(fastifySessions(sessions))
 * app.get('/', (request) => `visit ${(request.session.data.visits += 1)}`)
 * ```
 *
 * For the type of `request.session`, say once in your program:
 *
 * ```ts
 * declare module 'fastify' {
 *   interface FastifyRequest extends WithSession<Visit> {}
 * }
 * ```
 *
 * What handlers changed is saved in `onSend`, before the first byte of the response leaves, also when they throw, stream,
 * or write to `reply.raw` past Fastify. If a session cannot be loaded or saved, the error handlers get the error, with the
 * status 503 or 500, and nothing of the page is sent. It holds for the instance on which it is registered and all below;
 * registering it twice does no harm. Behind a proxy set Fastify's own `trustProxy`.
 */
export function fastifySessions<Data extends object>(
  sessions: Sessions<Data>,
  options: FastifySessionsOptions = {},
): FastifySessions<Data> {
  checkFront('fastifySessions', sessions, options, NAMES)
  // On the request itself: with a WeakMap the garbage collector took a fifth of the time of an anonymous visit.
  const exchange: unique symbol = Symbol('sojourn.exchange')
  type Held = FastifyRequest & { [exchange]?: Exchange }
  const open: Hook = (request: Held, reply, done) => {
    if (openedOn(sessions, request) !== undefined) return done()
    const start = (session: Session<Data>): void => {
      if (session.answer !== undefined) return answerWith(reply, session.answer)
      keepOn(sessions, request, session)
      showUrl(request, session.url)
      request[exchange] = exchangeOf(request, reply, session)
      sessions.run(session, done)
    }
    openThen(sessions, factsOf(request), start, (error) => done(withStatus(error)))
  }
  // What parses a body calls back from the connection, where nothing is known of the request that it belongs to.
  const enter: Hook = (request, _reply, done) => {
    const session = openedOn(sessions, request)
    if (session === undefined) done()
    else sessions.run(session, done)
  }
  const plugin = (instance: FastifyInstance, _options: unknown, done: Done): void => {
    if (!instance.hasRequestDecorator('session')) instance.decorateRequest('session', { getter })
    if (options.form !== true) instance.addHook('onRequest', open)
    instance.addHook('preValidation', options.form === true ? open : enter)
    instance.addHook('onSend', (request: Held, reply, payload, done) => commit(request[exchange], reply, payload, done))
    done()
  }
  return Object.assign(plugin, {
    of: (request: object) => requiredOn(sessions, request, 'fastifySessions'),
    // What fastify-plugin does: the hooks are for the instance that registers, not for one of their own below it.
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'sojourn',
  })
}

function getter(this: object): unknown {
  return firstOpenedOn(this)
}

function exchangeOf(request: FastifyRequest, reply: FastifyReply, session: Committable): Exchange {
  const committed = commitOnce(session)
  // `onSend` has committed by then, unless somebody writes past Fastify, whose error handling cannot help then.
  const refuse = (error: unknown): void => {
    request.log.error(error)
    sendAnswer(reply.raw, plainAnswer(error))
  }
  const gate = gateResponse(reply.raw, committed, refuse, addToReplyHead)
  return { committed, gate, headers: reply.getHeaders() }
}

function commit(exchange: Exchange | undefined, reply: FastifyReply, payload: unknown, done: Done): unknown {
  const outcome = exchange?.committed.commit(reply.raw)
  if (!(outcome instanceof Promise)) return done()
  return outcome.then(
    () => undefined,
    (error: unknown) => {
      discard(payload, error)
      if (exchange !== undefined) reset(reply, exchange)
      reply.code(statusOf(error))
      throw withStatus(error)
    },
  )
}

/** Lets the reply say again what it said before the page. */
function reset(reply: FastifyReply, { gate, headers }: Exchange): void {
  gate.reset()
  for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name)
  for (const [name, value] of Object.entries(headers)) reply.header(name, value)
}
