import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'

export interface RequestInit {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: string
}

/** The head of a response, with its body still to read. */
export interface Opened {
  readonly status: number
  /** The status line's text; http2 has none. */
  readonly message?: string | undefined
  /** Fields as they came: spelling, order and repetitions. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** All values of a header, by lower-case name. */
  readonly all: (name: string) => readonly string[]
  readonly body: Readable
  /** Names the connection: the same for two requests that shared it. */
  readonly connection: unknown
}

/** A whole response. */
export interface Got extends Omit<Opened, 'body'> {
  readonly text: string
  readonly cookies: readonly string[]
}

export interface Client {
  open(path: string, init?: RequestInit): { readonly opened: Promise<Opened>; readonly abort: () => void }
  request(path: string, init?: RequestInit): Promise<Got>
  close(): void
}

// The plain servers of these tests stand, as most do, behind a proxy that ends TLS.
const BEHIND_PROXY = { 'x-forwarded-proto': 'https' }

/** Where a server listens, and how to speak to it. */
export interface Endpoint {
  readonly protocol: 'http' | 'https' | 'h2c'
  readonly port: number
  readonly ca?: string
}

/** A client of one connection, which requests share one after the other. */
export function createClient(endpoint: Endpoint): Client {
  const { open, close } = endpoint.protocol === 'h2c' ? http2Client(endpoint) : http1Client(endpoint)
  return {
    open,
    close,
    request: async (path, init) => {
      const { body, ...head } = await open(path, init).opened
      return { ...head, text: await text(body), cookies: head.all('set-cookie') }
    },
  }
}

type Bare = Pick<Client, 'open' | 'close'>

function http1Client({ protocol, port, ca }: Endpoint): Bare {
  const module = protocol === 'https' ? https : http
  const agent = new module.Agent({ keepAlive: true, maxSockets: 1 })
  return {
    open: (path, init = {}) => {
      const request = module.request({
        host: '127.0.0.1',
        port,
        path,
        agent,
        method: init.method ?? 'GET',
        headers: { ...(protocol === 'http' && BEHIND_PROXY), ...init.headers },
        ...(ca !== undefined && { ca, servername: 'localhost' }),
      })
      const opened = new Promise<Opened>((resolve, reject) => {
        request.on('error', reject)
        request.on('response', (response) => {
          const fields = pairs(response.rawHeaders)
          resolve({
            status: response.statusCode ?? 0,
            message: response.statusMessage,
            fields,
            all: allOf(fields),
            body: response,
            connection: response.socket.localPort,
          })
        })
      })
      request.end(init.body)
      return { opened, abort: () => request.destroy() }
    },
    close: () => agent.destroy(),
  }
}

function http2Client({ port }: Endpoint): Bare {
  const session = http2.connect(`http://127.0.0.1:${port}`)
  session.on('error', () => undefined)
  return {
    open: (path, init = {}) => {
      const stream = session.request({
        ...BEHIND_PROXY,
        ...init.headers,
        ':path': path,
        ':method': init.method ?? 'GET',
      })
      const opened = new Promise<Opened>((resolve, reject) => {
        stream.on('error', reject)
        stream.on('close', () => reject(new Error('the stream was closed')))
        stream.on('response', (headers, _flags, raw?: unknown) => {
          const fields = (Array.isArray(raw) ? pairs(raw) : flatten(headers)).filter(([name]) => !name.startsWith(':'))
          resolve({
            status: Number(headers[':status']),
            fields,
            all: allOf(fields),
            body: stream,
            connection: session,
          })
        })
      })
      stream.end(init.body)
      return { opened, abort: () => stream.close(http2.constants.NGHTTP2_CANCEL) }
    },
    close: () => session.destroy(),
  }
}

function pairs(raw: readonly unknown[]): readonly (readonly [string, string])[] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[String(name), String(raw[index + 1])] as const] : []))
}

function flatten(headers: http2.IncomingHttpHeaders): readonly (readonly [string, string])[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    Array.isArray(value) ? value.map((one) => [name, one] as const) : [[name, String(value)] as const],
  )
}

function allOf(fields: readonly (readonly [string, string])[]): (name: string) => readonly string[] {
  return (name) => fields.filter(([candidate]) => candidate.toLowerCase() === name).map(([, value]) => value)
}

/** A browser's part: keeps the cookie, as long as it is told to. */
export interface Visitor {
  request(path: string, init?: RequestInit): Promise<Got>
  open(path: string, init?: RequestInit): ReturnType<Client['open']>
  /** The Cookie header's value. */
  cookie: string | undefined
}

export function createVisitor(client: Client): Visitor {
  const withCookie = (init: RequestInit): RequestInit => ({
    ...init,
    headers: { ...(visitor.cookie !== undefined && { cookie: visitor.cookie }), ...init.headers },
  })
  const visitor: Visitor = {
    cookie: undefined,
    open: (path, init = {}) => client.open(path, withCookie(init)),
    request: async (path, init = {}) => {
      const got = await client.request(path, withCookie(init))
      for (const line of got.cookies) {
        if (line.startsWith('__Host-id=')) visitor.cookie = /max-age=0/i.test(line) ? undefined : line.split(';')[0]
      }
      return got
    },
  }
  return visitor
}
