/**
 * Headers by which one kind of cache is told something else than `Cache-Control` says (RFC 9213 and its forerunners).
 * A response with a session in it must not carry a permission in one of these either.
 */
export const TARGETED_CACHE_HEADERS: readonly string[] = [
  'cdn-cache-control',
  'cloudflare-cdn-cache-control',
  'vercel-cdn-cache-control',
  'netlify-cdn-cache-control',
  'surrogate-control',
]

const PRIVATE = 'private, no-store'
// A list of what may stay: an extension that nobody here knows could be the one that allows storing after all.
const HARMLESS: readonly string[] = ['no-cache', 'must-revalidate', 'proxy-revalidate', 'no-transform']

/**
 * The `Cache-Control` of a response that depends on a session: no cache keeps it, whatever the application asked for.
 * Of the application's directives those stay that only restrict caches further.
 */
export function privateCacheControl(existing: string | undefined): string {
  if (existing === undefined || existing === '') return PRIVATE
  const names = new Set(existing.split(',').map((directive) => directive.trim().toLowerCase()))
  return [PRIVATE, ...HARMLESS.filter((name) => names.has(name))].join(', ')
}

/** Adds request header names to a `Vary` value; what it names already stays as it is, and `*` stays `*`. */
export function mergeVary(existing: string | undefined, names: readonly string[]): string {
  if (existing === undefined) return names.join(', ')
  const present = membersOf(existing)
  const seen = new Set(present.map((name) => name.toLowerCase()))
  const added: string[] = []
  for (const name of names) {
    if (seen.has(name.toLowerCase())) continue
    seen.add(name.toLowerCase())
    added.push(name)
  }
  if (seen.has('*')) return '*'
  return added.length === 0 ? existing : [...present, ...added].join(', ')
}

function membersOf(list: string): readonly string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}
