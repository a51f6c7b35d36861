import type { RequestFacts } from '../../core/carrier.ts'
import { isForm, readForm } from './form.ts'
import type { Peer, ProxyOptions } from './proxy.ts'
import { clientBehind } from './proxy.ts'

/** What every front of requests of the web's own kind can be told. */
export interface WebRequestOptions extends ProxyOptions {
  /**
   * Reads submitted forms before the handler does, for the form carrier.
   * @defaultValue false
   */
  readonly form?: boolean
}

/** What a request of the web's own kind tells; `address` is the client's as the runtime tells it. */
export async function webFactsOf(
  request: Request,
  address: () => string | undefined,
  options: WebRequestOptions,
): Promise<RequestFacts> {
  const header = (name: string): string | undefined => request.headers.get(name) ?? undefined
  const form = options.form === true && isForm(request) ? await readForm(request) : undefined
  const peer = (): Peer => ({ secure: request.url.startsWith('https:'), clientAddress: address() })
  return {
    method: request.method,
    url: request.url.slice(request.url.indexOf('/', request.url.indexOf('//') + 2)),
    get secure() {
      return clientBehind(peer, header, options).secure
    },
    get clientAddress() {
      return clientBehind(peer, header, options).clientAddress
    },
    header,
    field: (name) => form?.get(name) ?? undefined,
  }
}

/** The request as handlers may see it: without a token in its URL. */
export function withUrl(request: Request, url: string): Request {
  return request.url.endsWith(url) ? request : new Request(new URL(url, request.url), request)
}
