/** What one proxy says in an element of `Forwarded` (RFC 7239 section 4). */
export interface ForwardedHop {
  /** As it stands there, without its quotes; `unknown` where the proxy does not tell. */
  readonly node: string
  /** `http` where the proxy does not tell. */
  readonly protocol: string
}

/**
 * The element that the outermost of `hops` trusted proxies wrote, or the leftmost where there are fewer; undefined when
 * there is none, or one that counts is malformed.
 *
 * Read from the right, where the proxies add theirs: what a client writes further left can open a quotation mark or end in
 * a backslash, and read from the left that would swallow the proxies' own words.
 */
export function forwardedHop(header: string, hops: number): ForwardedHop | undefined {
  let hop: ForwardedHop | undefined
  let end = header.length
  for (let found = 0; found < hops && end > 0;) {
    const start = startOfElement(header, end)
    if (start === undefined) return undefined
    const element = header.slice(start, end).trim()
    end = start - 1
    // Empty elements are no elements (RFC 9110 section 5.6.1).
    if (element === '') continue
    hop = readElement(element)
    if (hop === undefined) return undefined
    found++
  }
  return hop
}

/** Where the element begins that ends at `end`; undefined when a quotation mark in it is not closed. */
function startOfElement(text: string, end: number): number | undefined {
  let isQuoted = false
  for (let at = end - 1; at >= 0; at--) {
    if (text[at] === '"') isQuoted = isQuoted && isEscaped(text, at) ? isQuoted : !isQuoted
    else if (text[at] === ',' && !isQuoted) return at + 1
  }
  return isQuoted ? undefined : 0
}

function isEscaped(text: string, at: number): boolean {
  let start = at
  while (text[start - 1] === '\\') start--
  return (at - start) % 2 === 1
}

// Values without quotes may have more in them than the RFC says: many proxies write `for=192.0.2.1:4711` and `for=[2001:db8::1]`.
const PAIR = /\s*([!#$%&'*+.^_`|~\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;\\]*))\s*(?:;|$)/y

function readElement(element: string): ForwardedHop | undefined {
  const parameters = new Map<string, string>()
  PAIR.lastIndex = 0
  while (PAIR.lastIndex < element.length) {
    const [, name, quoted, plain] = PAIR.exec(element) ?? []
    // RFC 7239 section 4: each at most once. Twice means that what a client sent got in unquoted, such as its Host.
    if (name === undefined || parameters.has(name.toLowerCase())) return undefined
    parameters.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '')
  }
  return { node: parameters.get('for') ?? 'unknown', protocol: parameters.get('proto') ?? 'http' }
}
