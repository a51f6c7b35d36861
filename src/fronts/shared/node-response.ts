import type { Answer } from '../../core/web/carrier.ts'
import type { HeaderSink } from '../../core/web/response.ts'

/** A header's value as Node keeps it. */
export type HeaderValue = number | string | string[]

/** The part of Node's responses (http, https and the compatibility API of http2) that the fronts call. */
export interface NodeResponse {
  statusCode: number
  readonly headersSent: boolean
  readonly writableEnded: boolean
  readonly writableNeedDrain: boolean
  getHeader(name: string): HeaderValue | undefined
  getHeaderNames(): string[]
  setHeader(name: string, value: HeaderValue): unknown
  appendHeader(name: string, value: unknown): unknown
  removeHeader(name: string): void
  writeHead(status: number): unknown
  write(chunk: string): boolean
  end(chunk: string): unknown
  flushHeaders?(): void
  emit(event: string): boolean
  once(event: 'close', listener: () => void): unknown
  rawListeners(event: string): unknown[]
  destroy(error?: Error): unknown
}

/** Tells the compatibility API of http2, which only warns where http has a status message. */
export function isHttp2(response: NodeResponse): boolean {
  return 'stream' in response
}

/** Sends a complete answer. */
export function sendAnswer(response: NodeResponse, answer: Answer): void {
  response.statusCode = answer.status
  for (const [name, value] of answer.headers) response.setHeader(name, value)
  if (answer.cookies.length > 0) response.setHeader('Set-Cookie', [...answer.cookies])
  response.end(answer.body)
}

/** Ends a response in the middle, so that the client can tell that it is not whole. */
export function cutOff(response: NodeResponse): void {
  // An http2 stream that is destroyed without an error looks complete; http has no such end, and would report the error.
  if (isHttp2(response)) response.destroy(new Error('response: the handler failed after the head was sent'))
  else response.destroy()
}

/** What a response said before the application got it. */
export interface Head {
  readonly status: number
  readonly message: unknown
  readonly headers: ReadonlyMap<string, HeaderValue>
}

const NO_HEADERS: Head['headers'] = new Map()

/** Takes down what the response says now. */
export function headOf(response: NodeResponse): Head {
  const names = response.getHeaderNames()
  // Most responses have none yet.
  if (names.length === 0) return { status: response.statusCode, message: messageOf(response), headers: NO_HEADERS }
  const headers = new Map<string, HeaderValue>()
  for (const name of names) {
    const value = response.getHeader(name)
    if (value !== undefined) headers.set(name, Array.isArray(value) ? [...value] : value)
  }
  return { status: response.statusCode, message: messageOf(response), headers }
}

/** Lets the response say again what it said then. Does nothing once the head is on its way. */
export function resetHead(response: NodeResponse, head: Head): void {
  if (response.headersSent) return
  setStatus(response, head.status, head.message)
  for (const name of response.getHeaderNames()) {
    if (!head.headers.has(name)) response.removeHeader(name)
  }
  for (const [name, value] of head.headers) {
    if (String(response.getHeader(name)) !== String(value)) response.setHeader(name, value)
  }
}

/** Whether the response says just what it said then, and nothing of it has left. */
export function isUntouched(response: NodeResponse, head: Head): boolean {
  return !response.headersSent && textOfHead(headOf(response)) === textOfHead(head)
}

function textOfHead({ status, headers }: Head): string {
  return String([status, ...headers])
}

/** The status message, where there is one. */
export function messageOf(response: NodeResponse): unknown {
  return isHttp2(response) ? undefined : Reflect.get(response, 'statusMessage')
}

/** Sets status code and message. */
export function setStatus(response: NodeResponse, status: number, message: unknown): void {
  response.statusCode = status
  if (!isHttp2(response)) Reflect.set(response, 'statusMessage', message)
}

// The few names that sessions set, so that none is spelled twice.
const spellings = new Map<string, string>()

/** The usual spelling of a header's name; http2 makes it lower case itself. */
function spellingOf(name: string): string {
  const known = spellings.get(name)
  if (known !== undefined) return known
  const spelling = name.replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase())
  spellings.set(name, spelling)
  return spelling
}

/** The response's headers for the core. */
export function headersOf(response: NodeResponse): HeaderSink {
  return sinkFrom(
    (name) => response.getHeader(name),
    () => response.getHeaderNames(),
    (name, value) => {
      if (response.getHeader(name) !== value) response.setHeader(spellingOf(name), value)
    },
  )
}

/** The same for headers that are not with a response yet; their names are in lower case. */
export function sinkOfHeaders(headers: Record<string, unknown>): HeaderSink {
  return sinkFrom(
    (name) => headers[name],
    () => Object.keys(headers),
    (name, value) => {
      headers[name] = value
    },
  )
}

function sinkFrom(
  get: (name: string) => unknown,
  names: () => readonly string[],
  set: (name: string, value: HeaderValue) => void,
): HeaderSink {
  return {
    get: (name) => textOf(get(name)),
    names,
    set,
    cookies: () => linesOf(get('set-cookie')),
    setCookies: (lines) => set('set-cookie', [...lines]),
  }
}

/** Several values are one list, as RFC 9110 section 5.3 joins them. */
function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : linesOf(value).join(', ')
}

/** Each value on its own. */
export function linesOf(value: unknown): readonly string[] {
  return value === undefined ? [] : [value].flat().map(String)
}
