import { ambient } from '#platform'
import type { Session as EngineSession } from '../../../core/session.ts'
import { plainAnswer } from '../../shared/failure.ts'
import { sendAnswer } from '../../shared/node-response.ts'
import { forwarded } from '../shared/forwarded.ts'
import type { Reply, ServerOptions, Servers } from '../shared/servers.ts'
import { checkServerOptions, fieldsOf, pathOf, serversFor } from '../shared/servers.ts'
import type { SessionHost } from './session.ts'

/** A page: one function for every method, or one for each. */
export type Page = (() => Reply | Promise<Reply>) | Readonly<Record<string, () => Reply | Promise<Reply>>>

/** Runs around every request: calls `handler`, which answers it, once. */
export type Processor = (handler: () => Promise<Reply>) => Promise<Reply>

/** Pages with their sessions, for `node`, `express` and `fetch`. */
export interface Application extends Servers, SessionHost {
  /** For an application above: answers within the request that is being served. */
  handle(path: string, method: string): Promise<Reply>
  /** Adds a processor inside those that were added before. */
  addProcessor(processor: Processor): void
}

/** What belongs to the running request, for whatever code runs in it; a hook may put more there. */
export interface Context {
  readonly method: string
  /** The path as the client asked for it, without the query. */
  readonly path: string
  readonly ip: string | undefined
  [name: string]: unknown
}

/** Pages and applications, each under its path. */
export type Urls = Readonly<Record<string, Page | Application>>

interface Running {
  readonly fields: Readonly<Record<string, string>>
  readonly context: Context
}

const running = ambient<Running>()

function found(): Running {
  const here = running.get()
  if (here !== undefined) return here
  throw new ReferenceError('ctx: no request is being served here; use it in a page or a processor')
}

/** The running request's context, `web.ctx`. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it stands for the context of whichever request runs
export const ctx: Context = forwarded(() => found().context) as Context

/** The fields of the query and of the submitted form, `web.input()`. */
export function input(): Readonly<Record<string, string>> {
  return found().fields
}

/** Sends the client on to another page, which it then gets (303). */
export function seeother(location: string): Reply {
  return { status: 303, headers: { location } }
}

/** A processor that calls `hook` before each request is answered. */
export function loadhook(hook: () => unknown): Processor {
  return async (handler) => {
    await hook()
    return handler()
  }
}

/** A processor that calls `hook` after each request, also when the page has thrown. */
export function unloadhook(hook: () => unknown): Processor {
  return async (handler) => {
    try {
      return await handler()
    } finally {
      await hook()
    }
  }
}

/**
 * Pages under their paths. An application under a path answers all paths below it. Requests are served once a Session
 * was made for the application; before, they are an error.
 * @throws TypeError for what is no page, or under no path.
 */
export function application(urls: Urls, options: ServerOptions = {}): Application {
  checkArguments(urls, options)
  const processors: Processor[] = []
  let served: { readonly sessions: unknown; readonly servers: Servers } | undefined
  const servers = (): Servers => {
    if (served !== undefined) return served.servers
    throw new TypeError(NO_SESSIONS)
  }
  const handle = (path: string, method: string): Promise<Reply> =>
    processors.reduceRight<() => Promise<Reply>>(
      (inner, outer) => () => outer(inner),
      () => pageAt(urls, path, method),
    )()
  const answer = <Data extends object>(session: EngineSession<Data>): Promise<Reply> => {
    const { method, clientAddress } = session.facts
    const path = pathOf(session)
    const fields = Object.fromEntries(fieldsOf(session))
    return running.run({ fields, context: { method, path, ip: clientAddress } }, () => handle(path, method))
  }
  return {
    handle,
    addProcessor: (processor) => void processors.push(processor),
    addSessions(sessions) {
      if (served !== undefined && served.sessions !== sessions) {
        throw new TypeError(
          'application: it has sessions already; for a set-up that runs again give the Session a name',
        )
      }
      served ??= { sessions, servers: serversFor(sessions, answer, options) }
    },
    node(request, response) {
      if (served !== undefined) return served.servers.node(request, response)
      // Thrown here it would end the process.
      const error = new TypeError(NO_SESSIONS)
      console.error(error)
      return sendAnswer(response, plainAnswer(error))
    },
    express: (request, response, next) => servers().express(request, response, next),
    fetch: async (request, ...rest) => servers().fetch(request, ...rest),
  }
}

const NO_SESSIONS =
  'application: it has no sessions yet; make them: new Session(app, store). ' +
  'For a set-up that runs again (hot reload) give the Session a name, and make it each time'

function checkArguments(urls: Urls, options: ServerOptions): void {
  checkServerOptions('application', options)
  if (typeof urls !== 'object' || urls === null) throw new TypeError(`application: expected ${EXPECTED}`)
  for (const [path, target] of Object.entries(urls)) {
    const isTarget = typeof target === 'function' || (typeof target === 'object' && target !== null)
    if (path.startsWith('/') && isTarget) continue
    throw new TypeError(`application: ${JSON.stringify(path)} is no page; expected ${EXPECTED}`)
  }
}

const EXPECTED = "pages and applications under paths, such as { '/count': () => 'one' }"

async function pageAt(urls: Urls, path: string, method: string): Promise<Reply> {
  const page = Object.hasOwn(urls, path) ? urls[path] : undefined
  if (typeof page === 'function') return page()
  if (page !== undefined && !isApplication(page)) {
    const name = Object.hasOwn(page, method) || method !== 'HEAD' ? method : 'GET'
    const answer = Object.hasOwn(page, name) ? page[name] : undefined
    if (answer !== undefined) return answer()
    return { status: 405, headers: { allow: Object.keys(page).join(', ') }, body: 'method not allowed' }
  }
  for (const [start, below] of Object.entries(urls)) {
    if (!isApplication(below) || !(path === start || path.startsWith(`${start}/`))) continue
    return below.handle(path.slice(start.length) || '/', method)
  }
  return { status: 404, body: 'not found' }
}

function isApplication(target: Page | Application): target is Application {
  return typeof target !== 'function' && typeof target['handle'] === 'function' && 'addProcessor' in target
}
