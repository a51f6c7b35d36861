import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createSessions } from 'sojourn'
import type { Session, Sessions, SessionsOptions } from 'sojourn'
import { nodeSessions } from 'sojourn/node'
import { memoryStore } from 'sojourn/stores/memory'
import { onTestFinished } from 'vitest'

/** What a page gets to work with. */
export interface Page<Data extends object> {
  readonly session: Session<Data>
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly query: URLSearchParams
  readonly form: URLSearchParams
}

/** A page answers with text, or by itself. */
export type Pages<Data extends object> = Readonly<
  Record<string, (page: Page<Data>) => string | void | Promise<string | void>>
>

/** A running application, its sessions, and a clock to move. */
export interface Site<Data extends object> {
  readonly address: string
  readonly sessions: Sessions<Data>
  readonly advance: (milliseconds: number) => void
  readonly browser: () => Browser
}

type SiteOptions<Data extends object> = Partial<SessionsOptions<Data>> & { readonly trustProxy?: boolean }

/** Serves pages over plain http on loopback; over when the test is. */
export async function site<Data extends object = Record<string, unknown>>(
  pages: Pages<Data>,
  options: SiteOptions<Data> = {},
): Promise<Site<Data>> {
  let time = Date.now()
  const now = (): number => time
  const { trustProxy = false, ...rest } = options
  const sessions = createSessions<Data>({
    store: memoryStore({ now }),
    now,
    ...(rest.carriers === undefined ? { cookie: { insecureDevelopment: true } } : {}),
    ...rest,
  })
  const address = await serve(sessions, pages, trustProxy)
  return { address, sessions, advance: (milliseconds) => void (time += milliseconds), browser: () => browser(address) }
}

/** Serves pages for sessions that exist already. */
export async function serve<Data extends object>(
  sessions: Sessions<Data>,
  pages: Pages<Data>,
  trustProxy = false,
): Promise<string> {
  const withSession = nodeSessions(sessions, { trustProxy, onError: (error, _, response) => fail(error, response) })
  return listen(
    withSession(async (request, response, session) => {
      const url = new URL(request.url ?? '/', 'http://localhost')
      const page = pages[url.pathname]
      if (page === undefined) return response.writeHead(404).end('not found')
      const text = await page({ session, request, response, query: url.searchParams, form: await formOf(request) })
      return text === undefined ? undefined : response.end(text)
    }),
  )
}

/** Puts a handler behind a server on loopback, over when the test is; gives its address. */
export async function listen(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const bound = server.address()
  return `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`
}

function fail(error: unknown, response: Pick<ServerResponse, 'statusCode' | 'end'>): void {
  response.statusCode = 500
  response.end(error instanceof Error ? error.message : 'error')
}

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return new URLSearchParams(text)
}

/** A client with a cookie jar of its own. */
export interface Browser {
  readonly cookies: Map<string, string>
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answered>
  post(path: string, fields: Readonly<Record<string, string>>): Promise<Answered>
}

export interface Answered {
  readonly status: number
  readonly text: string
  readonly headers: Headers
  /** `Set-Cookie` lines of this response. */
  readonly setCookies: readonly string[]
}

/** A browser that keeps cookies until they are taken away, and follows no redirect by itself. */
export function browser(address: string): Browser {
  const cookies = new Map<string, string>()
  const go = async (path: string, init: RequestInit): Promise<Answered> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { ...(cookie === '' ? {} : { cookie }), ...Object.fromEntries(new Headers(init.headers)) }
    const response = await fetch(address + path, { ...init, headers, redirect: 'manual' })
    const setCookies = response.headers.getSetCookie()
    for (const line of setCookies) keep(cookies, line)
    return { status: response.status, text: await response.text(), headers: response.headers, setCookies }
  }
  return {
    cookies,
    get: (path, headers = {}) => go(path, { headers }),
    post: (path, fields) => go(path, { method: 'POST', body: new URLSearchParams(fields) }),
  }
}

function keep(cookies: Map<string, string>, line: string): void {
  const [pair = '', ...attributes] = line.split('; ')
  const at = pair.indexOf('=')
  if (attributes.includes('Max-Age=0')) cookies.delete(pair.slice(0, at))
  else cookies.set(pair.slice(0, at), pair.slice(at + 1))
}
