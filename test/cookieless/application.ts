import type { Session } from 'sojourn'
import { cookieCarrier, createSessions, isSessionError } from 'sojourn'
import type { FormCarrier } from 'sojourn/carriers/form'
import type { UrlCarrier } from 'sojourn/carriers/url'
import { csrf } from 'sojourn/csrf'
import { memoryStore } from 'sojourn/stores/memory'
import { onTestFinished } from 'vitest'
import type { Driver, Handle, Reply, Visit } from '../fronts/driver.ts'
import { drivers } from '../fronts/drivers/all.ts'

/** What a page shows of its session. */
export interface Shown {
  readonly count: number
  /** The session's name in logs. */
  readonly session: string
  readonly user: string | null
  /** The path as the handler saw it. */
  readonly path: string
  /** What the request brought as `Cookie`. */
  readonly cookie: string | null
  /** The code of the error, when signing in was refused. */
  readonly fault: string | null
}

/** The carriers beside the cookie. */
export interface Fallbacks {
  readonly url?: UrlCarrier
  readonly form?: FormCarrier
}

const NO_BROWSER_SPEAKS_IT: readonly string[] = ['node:http2']

/** Every front over a server that a browser can talk to; HTTP/2 without TLS is for programs. */
export const fronts: readonly Driver[] = drivers.filter(({ name }) => !NO_BROWSER_SPEAKS_IT.includes(name))

/** Starts the application until the test ends. Its address has no path. */
export async function startCounter(driver: Driver, fallbacks: Fallbacks): Promise<string> {
  const sessions = createSessions<Visit>({
    store: memoryStore(),
    initial: () => ({}),
    carriers: [cookieCarrier(), ...Object.values(fallbacks)],
  })
  const { endpoint, close } = await driver.start({ sessions, handle: counter(fallbacks), form: true })
  onTestFinished(async () => {
    await close()
    await sessions.close()
  })
  return `${endpoint.protocol}://127.0.0.1:${endpoint.port}`
}

/** Counts the pages that a session has seen, with links, forms and a redirect from each to the next. */
function counter(fallbacks: Fallbacks): Handle {
  const guard = csrf()
  return async ({ session, path }) => {
    const { pathname } = new URL(path, 'http://localhost')
    if (!['/', '/next', '/save', '/login', '/go'].includes(pathname)) return { status: 404 }
    session.start()
    const fault = session.facts.method === 'POST' ? await faultOf(async () => guard.verify(session)) : undefined
    if (fault !== undefined) return page(fallbacks, session, { path, fault })
    if (pathname === '/go') {
      const location = fallbacks.url?.redirectTarget(session, '/next?from=go') ?? '/next?from=go'
      return { status: 303, headers: { location } }
    }
    session.data.count = (session.data.count ?? 0) + 1
    const refusal =
      pathname === '/login' ? await faultOf(() => session.login('ada', { keep: ['count'] })) : undefined
    return page(fallbacks, session, { path, fault: refusal })

    function page(_: Fallbacks, s: Session<Visit>, more: { path: string; fault: string | undefined }): Reply {
      return pageOf(fallbacks, guard.field(s), s, more)
    }
  }
}

async function faultOf(deed: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await deed()
    return undefined
  } catch (error) {
    if (isSessionError(error)) return error.code
    throw error
  }
}
function pageOf(fallbacks: Fallbacks, guardField: string, session: Session<Visit>, { path, fault }: { path: string; fault: string | undefined }): Reply {
  return { body: '' + fallbacks + guardField + session + path + fault }
}
