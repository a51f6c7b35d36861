import type { Session } from 'sojourn'
import { cookieCarrier, createSessions, isSessionError } from 'sojourn'
import type { FormCarrier } from 'sojourn/carriers/form'
import type { UrlCarrier } from 'sojourn/carriers/url'
import type { Csrf } from 'sojourn/csrf'
import { csrf } from 'sojourn/csrf'
import { memoryStore } from 'sojourn/stores/memory'
import { onTestFinished } from 'vitest'
import type { Driver, Handle, Reply, Visit } from '../fronts/driver.ts'
import { drivers } from '../fronts/drivers/all.ts'
import { http2ForBrowsers } from '../fronts/drivers/node.ts'

/** The carriers beside the cookie. */
export interface Fallbacks {
  readonly url?: UrlCarrier
  readonly form?: FormCarrier
}

/** What a page tells of its request and session. */
export interface Told {
  /** How many pages the session has seen. */
  readonly count: number
  /** The session's name in logs. */
  readonly session: string
  readonly user: string
  /** The path as the handler saw it. */
  readonly path: string
  /** What the request brought as `Cookie`. */
  readonly cookie: string
  /** The code of the error that refused what was asked. */
  readonly refusal: string
}

/** Every front over a server that a browser can talk to. */
export const fronts: readonly Driver[] = drivers.map((driver) =>
  driver.name === http2ForBrowsers.name ? http2ForBrowsers : driver,
)

/** Starts the counter until the test ends. Its address comes without a path. */
export async function startCounter(front: Driver, fallbacks: Fallbacks): Promise<string> {
  const sessions = createSessions<Visit>({
    store: memoryStore(),
    initial: () => ({}),
    carriers: [cookieCarrier(), fallbacks.url, fallbacks.form].filter((carrier) => carrier !== undefined),
  })
  const { endpoint, close } = await front.start({ sessions, handle: counter(fallbacks), form: true })
  onTestFinished(async () => {
    await close()
    await sessions.close()
  })
  return `${endpoint.protocol}://127.0.0.1:${endpoint.port}`
}

function counter(fallbacks: Fallbacks): Handle {
  const guard = csrf()
  return async ({ session, path }) => {
    const deed = deeds.get(path.split('?', 1)[0] ?? '')
    if (deed === undefined) return { status: 404 }
    session.start()
    try {
      guard.verify(session)
      return (await deed(session, fallbacks)) ?? page(fallbacks, guard, { session, path })
    } catch (error) {
      if (!isSessionError(error)) throw error
      return page(fallbacks, guard, { session, path, refusal: error.code })
    }
  }
}

type Deed = (session: Session<Visit>, fallbacks: Fallbacks) => Promise<Reply | undefined>

const show: Deed = () => Promise.resolve(undefined)

const signIn: Deed = async (session) => {
  await session.login('ada', { keep: ['count'] })
  return undefined
}

const goOn: Deed = (session, { url }) => {
  const target = '/next?from=go'
  const location = url?.redirectTarget(session, target) ?? target
  return Promise.resolve({ status: 303, headers: { location }, body: 'see the next page' })
}

const deeds: ReadonlyMap<string, Deed> = new Map([
  ['/', show],
  ['/next', show],
  ['/save', show],
  ['/login', signIn],
  ['/go', goOn],
])

interface Shown {
  readonly session: Session<Visit>
  readonly path: string
  readonly refusal?: string
}

function page({ url, form }: Fallbacks, guard: Csrf, { session, path, refusal = '' }: Shown): Reply {
  session.data.count = (session.data.count ?? 0) + 1
  const told: Told = {
    count: session.data.count,
    session: session.reference ?? '',
    user: session.subject ?? '',
    path,
    cookie: session.facts.header('cookie') ?? '',
    refusal,
  }
  const next = url?.link(session, '/next?page=2') ?? '/next?page=2'
  const body = `<!doctype html>
<title>Counter</title>
<link rel="icon" href="data:,">
<pre>${escaped(JSON.stringify(told))}</pre>
<a href="${escaped(next)}">Next</a>
<form method="post">
${guard.field(session)}
${form?.field(session) ?? ''}
<button formaction="/save">Save</button>
<button formaction="/go">Go</button>
<button formaction="/login">Sign in</button>
</form>`
  return { headers: { 'content-type': 'text/html; charset=utf-8' }, body }
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
