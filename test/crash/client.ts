import http from 'node:http'
import { text } from 'node:stream/consumers'
import type { Contents } from './ledger.ts'

/** A response whose head has arrived: what it acknowledges is acknowledged, even if the rest never comes. */
export interface Answer {
  readonly status: number
  /** The new value of the session's cookie; undefined when the response leaves it alone or takes it away. */
  readonly cookie: string | undefined
  /** Undefined when the connection broke in the middle. */
  readonly page: Promise<Page | undefined>
}

/** What a page shows of its visitor's session. */
export interface Page {
  /** Undefined when the cookie opened nothing. The notices are those that this very page has shown. */
  readonly contents: Contents | undefined
  /** What its forms carry. */
  readonly formToken: string | undefined
  /** The number that the counter's page shows. */
  readonly counted: number | undefined
}

export interface RequestOptions {
  readonly cookie?: string | undefined
  /** Sent as a form by POST. */
  readonly form?: Readonly<Record<string, string>>
}

/** Speaks to the application over connections that stay open. */
export interface Client {
  /** Undefined when no response has come. */
  request(path: string, options?: RequestOptions): Promise<Answer | undefined>
  close(): void
}

const COOKIE = 'id'

export function createClient(port: number): Client {
  const agent = new http.Agent({ keepAlive: true })
  return {
    request: (path, { cookie, form } = {}) =>
      new Promise((resolve) => {
        const body = form && new URLSearchParams(form).toString()
        const headers = {
          ...(cookie !== undefined && { cookie: `${COOKIE}=${cookie}` }),
          ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
        }
        const method = body === undefined ? 'GET' : 'POST'
        const request = http.request({ host: '127.0.0.1', port, agent, path, method, headers })
        request.on('error', () => resolve(undefined))
        request.on('response', (response) => {
          const page = text(response).then(pageIn, () => undefined)
          resolve({ status: response.statusCode ?? 0, cookie: cookieIn(response.headers['set-cookie'] ?? []), page })
        })
        request.end(body)
      }),
    close: () => agent.destroy(),
  }
}

function cookieIn(lines: readonly string[]): string | undefined {
  const line = lines.find((candidate) => candidate.startsWith(`${COOKIE}=`))
  if (line === undefined || /max-age=0(;|$)/i.test(line)) return undefined
  return line.slice(COOKIE.length + 1).split(';', 1)[0]
}

function pageIn(html: string): Page {
  const counted = /<output class="numeral">(\d+)</.exec(html)?.[1]
  return {
    contents: contentsIn(html),
    formToken: /name="_csrf" value="([^"]+)"/.exec(html)?.[1],
    counted: counted === undefined ? undefined : Number(counted),
  }
}

/** Reads the panel at the foot of each page, where the application shows what it holds for the visitor. */
function contentsIn(html: string): Contents | undefined {
  const data = /<pre tabindex="0">([^<]*)<\/pre>/.exec(html)?.[1]
  if (data === undefined || html.includes('No record is kept.')) return undefined
  const { count, cart } = JSON.parse(plain(data)) as Contents
  const reader = /<span class="viewer-name">([^<]*)</.exec(html)?.[1]
  return { reader, count, cart, notices: html.split('<p class="notice').length - 1 }
}

function plain(html: string): string {
  return html.replaceAll(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
}
