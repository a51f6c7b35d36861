import type { RequestFacts } from '../../core/web/carrier.ts'
import type { Peer } from './proxy.ts'

/** The part of Node's requests (http, https and the compatibility API of http2) that the fronts read. */
export interface NodeRequest {
  method?: string | undefined
  url?: string | undefined
  readonly headers: { readonly [name: string]: string | string[] | undefined }
  readonly socket: { readonly remoteAddress?: string | undefined; readonly destroyed?: boolean | undefined }
  /** Of http2: several requests share a socket. */
  readonly stream?: { readonly destroyed?: boolean | undefined } | undefined
}

/**
 * A request header by lower-case name. Node has joined several Cookie fields with `; ` already. HTTP/2 says in
 * `:authority` what HTTP/1 says in Host, and then no Host counts (RFC 9113 section 8.3.1).
 */
export function headerOf({ headers }: NodeRequest): RequestFacts['header'] {
  return (name) => {
    const value = name === 'host' ? (headers[':authority'] ?? headers['host']) : headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }
}

/** The other end of the request's own connection. */
export function peerOf({ socket }: NodeRequest): Peer {
  return { secure: Reflect.get(socket, 'encrypted') === true, clientAddress: socket.remoteAddress }
}

/** Whether the client of the request has hung up. */
export function hasHungUp({ stream, socket }: NodeRequest): boolean {
  return (stream ?? socket).destroyed === true
}

/** A field of a parsed body: text only, for a form field has no other kind of value. */
export function fieldOf(body: unknown, name: string): string | undefined {
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, name)) return undefined
  const value: unknown = Reflect.get(body, name)
  return typeof value === 'string' ? value : undefined
}
