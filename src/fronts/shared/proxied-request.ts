import type { RequestFacts } from '../../core/web/carrier.ts'
import type { ProxyOptions } from './proxy.ts'
import { clientBehind } from './proxy.ts'
import type { FormOption } from './web-request.ts'
import { webFactsOf, webHeaderOf, webPeerOf } from './web-request.ts'

/** Options where the framework itself knows nothing of proxies. */
export type WebRequestOptions = FormOption & ProxyOptions

/** What such a request tells; `address` is the client's as the runtime tells it. */
export function proxiedFactsOf(
  request: Request,
  address: () => string | undefined,
  options: WebRequestOptions,
): Promise<RequestFacts> {
  const peer = (): ReturnType<typeof webPeerOf> => webPeerOf(request, address())
  return webFactsOf(request, () => clientBehind(peer, webHeaderOf(request), options), options)
}
