import type { RequestFacts } from '../../core/web/carrier.ts'
import { isForm, readForm } from './form.ts'
import { LazyFacts } from './lazy-facts.ts'
import type { Peer } from './proxy.ts'

/** What every front of requests of the web's own kind can be told. */
export interface FormOption {
  /**
   * Reads submitted forms before the handler does, for the form carrier.
   * @defaultValue false
   */
  readonly form?: boolean
}

/** The part of such a request that is its head. */
interface WebHead {
  readonly url: string
  readonly headers: { get(name: string): string | null }
}

/** What a request of the web's own kind tells; `client` is asked only when somebody wants to know. */
export async function webFactsOf(request: Request, client: () => Peer, options: FormOption): Promise<RequestFacts> {
  const isRead = options.form === true && isForm(request)
  // Whoever has sent a form may hang up while it is read.
  const peer = isRead ? client() : undefined
  const form = isRead ? await readForm(request) : undefined
  return new LazyFacts(
    {
      method: request.method,
      url: pathOf(request),
      header: webHeaderOf(request),
      field: (name) => form?.get(name) ?? undefined,
    },
    () => peer ?? client(),
    () => request.signal.aborted,
  )
}

/** A request header by lower-case name. A server of HTTP/2 may tell the host in the URL only. */
export function webHeaderOf(request: WebHead): RequestFacts['header'] {
  return (name) => request.headers.get(name) ?? (name === 'host' ? new URL(request.url).host : undefined)
}

/** Path and query, as they stand in the URL. */
export function pathOf({ url }: WebHead): string {
  return url.slice(url.indexOf('/', url.indexOf('//') + 2))
}

/** The other end of the request's connection, at the address that the runtime tells. */
export function webPeerOf({ url }: WebHead, clientAddress: string | undefined): Peer {
  return { secure: /^(?:https|wss):/.test(url), clientAddress }
}

/** The request as handlers may see it: without a token in its URL. */
export function withUrl(request: Request, url: string): Request {
  return request.url.endsWith(url) ? request : new Request(new URL(url, request.url), request)
}
