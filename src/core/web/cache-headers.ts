/** What tells a kind of cache to keep nothing, where it is not told in the words of `Cache-Control`. */
const OTHERS: ReadonlyMap<string, string> = new Map([
  ['surrogate-control', 'private, no-store'],
  ['edge-control', 'no-store'],
  ['x-accel-expires', '0'],
])

/**
 * The value by which a header that tells one kind of cache something else than `Cache-Control` says must give way, for a
 * response with a session in it: every `*-Cache-Control` (RFC 9213), its forerunners, and nginx's own. Undefined for all
 * other headers. The name is in lower case.
 */
export function privateValueOf(name: string): string | undefined {
  return name.endsWith('-cache-control') ? PRIVATE : OTHERS.get(name)
}

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
