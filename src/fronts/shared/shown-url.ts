import type { NodeRequest } from './node-request.ts'

/** Takes out of a query that is parsed already what is no longer in the URL. */
export function forgetParameters(query: unknown, before: string, url: string): void {
  if (typeof query !== 'object' || query === null) return
  const kept = new Set(new URLSearchParams(queryOf(url)).keys())
  for (const name of new URLSearchParams(queryOf(before)).keys()) {
    if (!kept.has(name)) Reflect.deleteProperty(query, name)
  }
}

/** What of a URL a handler sees that is mounted under a prefix. */
export function urlUnder(prefix: string, url: string): string {
  const rest = url.startsWith(prefix) ? url.slice(prefix.length) : url
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** The URL as it came, also where connect has taken off the prefix under which the handler is mounted. */
export function originalUrlOf(request: NodeRequest): string {
  const original: unknown = Reflect.get(request, 'originalUrl')
  return typeof original === 'string' ? original : (request.url ?? '/')
}

/** Takes a token out of what handlers and access logs see of the URL. */
export function showUrl(request: NodeRequest, url: string): void {
  const before = originalUrlOf(request)
  if (url === before) return
  const { url: own = '/' } = request
  request.url = urlUnder(before.endsWith(own) ? before.slice(0, -own.length) : '', url)
  if (Object.hasOwn(request, 'originalUrl')) Reflect.set(request, 'originalUrl', url)
}

function queryOf(url: string): string {
  const at = url.indexOf('?')
  return at < 0 ? '' : url.slice(at + 1)
}
