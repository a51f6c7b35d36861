/** Whether, and how far, to believe what proxies say about the client. */
export interface ProxyOptions {
  /**
   * How many proxies stand before this server and add themselves to `X-Forwarded-For`; `true` for 1. Without it these
   * headers are ignored: any client can send them.
   * @defaultValue false
   */
  readonly trustProxy?: boolean | number
  /**
   * Which headers the proxies write. One only: a proxy that writes one family hands on what a client wrote in the other.
   * @defaultValue 'x-forwarded'
   */
  readonly proxyHeader?: 'x-forwarded' | 'forwarded'
}

/** The client's end of the connection. */
export interface Peer {
  readonly secure: boolean
  readonly clientAddress: string | undefined
}

/** The client as the trusted proxies saw it; `peer` when there are none, or when they said nothing. */
export function clientBehind(
  peer: () => Peer,
  header: (name: string) => string | undefined,
  options: ProxyOptions,
): Peer {
  const hops = Number(options.trustProxy ?? 0)
  if (hops === 0) return peer()
  const { addresses, protocols } =
    options.proxyHeader === 'forwarded'
      ? readForwarded(header('forwarded') ?? '')
      : { addresses: listOf(header('x-forwarded-for')), protocols: listOf(header('x-forwarded-proto')) }
  const address = hopFromTheRight(addresses, hops)
  const protocol = hopFromTheRight(protocols, hops)?.toLowerCase()
  return {
    secure: protocol === undefined ? peer().secure : protocol === 'https',
    clientAddress: address === undefined ? peer().clientAddress : addressOf(address),
  }
}

/** Checks the options; wrong ones must not come to light with the first request. */
export function checkProxyOptions({ trustProxy }: ProxyOptions): void {
  if (typeof trustProxy === 'number' && !(Number.isInteger(trustProxy) && trustProxy >= 0)) {
    throw new TypeError('trustProxy: a number of proxies is a whole number, such as 1')
  }
}

// Each proxy adds to the right, so all that is further left than the outermost trusted one is the client's invention.
function hopFromTheRight(entries: readonly string[], hops: number): string | undefined {
  return entries[Math.max(0, entries.length - hops)]
}

function listOf(value: string | undefined): readonly string[] {
  return (value ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

/** RFC 7239 section 4. Entries are kept even when they lack a parameter, so that counting from the right stays true. */
function readForwarded(value: string): { addresses: readonly string[]; protocols: readonly string[] } {
  const hops = splitOutsideQuotes(value, ',').map((element) => {
    const parameters = new Map<string, string>()
    for (const pair of splitOutsideQuotes(element, ';')) {
      const at = pair.indexOf('=')
      if (at > 0) parameters.set(pair.slice(0, at).trim().toLowerCase(), unquoted(pair.slice(at + 1).trim()))
    }
    return parameters
  })
  return {
    addresses: hops.map((hop) => hop.get('for') ?? 'unknown'),
    protocols: hops.map((hop) => hop.get('proto') ?? 'http'),
  }
}

function splitOutsideQuotes(text: string, separator: string): readonly string[] {
  const parts: string[] = []
  let start = 0
  let isQuoted = false
  for (let at = 0; at < text.length; at++) {
    if (isQuoted && text[at] === '\\') at++
    else if (text[at] === '"') isQuoted = !isQuoted
    else if (text[at] === separator && !isQuoted) {
      parts.push(text.slice(start, at))
      start = at + 1
    }
  }
  return [...parts, text.slice(start)].filter((part) => part.trim() !== '')
}

function unquoted(value: string): string {
  return value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value
}

// `[2001:db8::1]:4711`, `192.0.2.1:4711` and the same without a port; a bare IPv6 address has more than one colon.
function addressOf(node: string): string | undefined {
  if (node === 'unknown') return undefined
  const bracketed = /^\[([^\]]+)\]/.exec(node)?.[1]
  if (bracketed !== undefined) return bracketed
  return node.split(':').length === 2 ? node.slice(0, node.indexOf(':')) : node
}
