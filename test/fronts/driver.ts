import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Session, Sessions } from 'sojourn'
import type { Endpoint } from './client.ts'

export interface Visit {
  count?: number
  a?: number
  b?: number
  name?: string
}

/** What a handler gives back, in words that every front can say in its own way. */
export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly redirect?: string
  /** Pieces of the body, sent one by one. */
  readonly stream?: AsyncIterable<string>
}

export interface Visited {
  readonly session: Session<Visit>
  readonly path: string
}

export type Handle = (visited: Visited) => Reply | Promise<Reply>

/** A handler in Node's own terms, for the fronts that give out Node's responses. */
export type RawHandle = (request: IncomingMessage, response: ServerResponse, session: Session<Visit>) => unknown

/** Before the session: outside, so that it sees what the session made of the response; or after, inside. */
export type Place = 'before' | 'after'

/** Other middleware that an application has beside the session. */
export interface Neighbour {
  readonly kind: 'compression' | 'head hook'
  readonly place: Place
}

export interface App {
  readonly sessions: Sessions<Visit>
  readonly handle: Handle
  /** Whether submitted forms are parsed, for the form carrier. */
  readonly form?: boolean
  /** How many times the front is installed. Once is what it is made for. */
  readonly installed?: number
  readonly neighbour?: Neighbour
}

export interface RawApp {
  readonly sessions: Sessions<Visit>
  readonly handle: RawHandle
}

export interface Running {
  readonly endpoint: Endpoint
  close(): Promise<void>
}

/** Serves with one front over one kind of server. A new front needs no more than this to be tested by the whole table. */
export interface Driver {
  readonly name: string
  start(app: App): Promise<Running>
  /** Absent where handlers do not get Node's response. */
  readonly startRaw?: (app: RawApp) => Promise<Running>
  /** What a framework does to Node's responses that no front can help, by a few words, each with the reason. */
  readonly leavesOutRaw?: Readonly<Record<string, string>>
  /** Cases of the table that cannot pass, by title, each with the reason. */
  readonly leavesOut?: Readonly<Record<string, string>>
}

/** Writes a reply to a Node response. */
export async function replyTo(response: ServerResponse, reply: Reply): Promise<void> {
  response.statusCode = reply.status ?? (reply.redirect === undefined ? 200 : 302)
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value)
  if (reply.redirect !== undefined) response.setHeader('Location', reply.redirect)
  for await (const piece of reply.stream ?? []) response.write(piece)
  response.end(reply.body)
}
