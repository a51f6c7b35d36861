/** A URL reference in three parts; joined again they are the text they came from. */
export interface Address {
  readonly path: string
  /** Without `?`; undefined when there is no `?`. */
  readonly query: string | undefined
  /** With its `#`, or empty. */
  readonly fragment: string
}

/** Takes a URL reference apart without decoding or normalising anything. */
export function addressOf(reference: string): Address {
  const hash = reference.indexOf('#')
  const fragment = hash < 0 ? '' : reference.slice(hash)
  const rest = hash < 0 ? reference : reference.slice(0, hash)
  const mark = rest.indexOf('?')
  return mark < 0
    ? { path: rest, query: undefined, fragment }
    : { path: rest.slice(0, mark), query: rest.slice(mark + 1), fragment }
}

/** Puts an address together. */
export function textOf({ path, query, fragment }: Address): string {
  return path + (query === undefined ? '' : `?${query}`) + fragment
}

/** All values of a query parameter, by exact name and undecoded: a token needs no encoding, so none has two spellings. */
export function parametersOf(query: string | undefined, name: string): readonly string[] {
  return pairsOf(query).flatMap((pair) => (pair.startsWith(`${name}=`) ? [pair.slice(name.length + 1)] : []))
}

/** The query without a parameter, or without those of its values that `isGone` names; undefined when nothing is left. */
export function withoutParameter(
  query: string | undefined,
  name: string,
  isGone: (value: string) => boolean = () => true,
): string | undefined {
  const pairs = pairsOf(query)
  const kept = pairs.filter((pair) => !(pair.startsWith(`${name}=`) && isGone(pair.slice(name.length + 1))))
  if (kept.length === pairs.length) return query
  return kept.length === 0 ? undefined : kept.join('&')
}

/** The query with a parameter once, at its end. */
export function withParameter(query: string | undefined, name: string, value: string): string {
  const rest = withoutParameter(query, name)
  return `${rest === undefined || rest === '' ? '' : `${rest}&`}${name}=${encodeURIComponent(value)}`
}

function pairsOf(query: string | undefined): readonly string[] {
  return query === undefined ? [] : query.split('&')
}

/** A name that needs no encoding in a URL, so that it has one spelling only. */
export function checkedParameter(option: string, name: unknown): string {
  if (typeof name === 'string' && /^[A-Za-z0-9_.~-]+$/.test(name)) return name
  throw new TypeError(`${option}: expected a name of letters, digits and _ . ~ - only`)
}
