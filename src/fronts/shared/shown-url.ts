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

function queryOf(url: string): string {
  const at = url.indexOf('?')
  return at < 0 ? '' : url.slice(at + 1)
}
