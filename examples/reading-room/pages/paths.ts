/** A path of this site to go back to; anything that would lead elsewhere becomes `otherwise`. */
export function safePath(value: unknown, otherwise = '/'): string {
  if (typeof value !== 'string' || !value.startsWith('/')) return otherwise
  const here = 'http://here.invalid'
  // Parsed as a browser does: `//evil.example`, `/\evil.example` and their kin all name another host.
  const url = URL.canParse(value, here) ? new URL(value, here) : undefined
  return url?.origin === here ? url.pathname + url.search : otherwise
}

/** `path?next=...`: a link that comes back to where it was followed. */
export function withNext(path: string, next: string): string {
  return next === '/' ? path : `${path}?next=${encodeURIComponent(next)}`
}
