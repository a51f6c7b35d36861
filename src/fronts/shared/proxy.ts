import { assertOption, checkChoice } from '../../core/options.ts'
import { forwardedHop } from './forwarded.ts'

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
  const { node, protocol } = toldBy(header, hops, options.proxyHeader)
  return {
    secure: protocol === undefined ? peer().secure : protocol.toLowerCase() === 'https',
    clientAddress: node === undefined ? peer().clientAddress : addressOf(node),
  }
}

/** @throws TypeError for wrong values, which must not come to light with the first request. */
export function checkProxyOptions(where: string, { trustProxy = false, proxyHeader }: ProxyOptions): void {
  assertOption(
    typeof trustProxy === 'boolean' || (Number.isSafeInteger(trustProxy) && trustProxy >= 0),
    `${where}: trustProxy: expected true, false or a number of proxies, such as 1`,
  )
  if (proxyHeader !== undefined) checkChoice(`${where}: proxyHeader`, proxyHeader, ['x-forwarded', 'forwarded'])
}

function toldBy(
  header: (name: string) => string | undefined,
  hops: number,
  family: ProxyOptions['proxyHeader'],
): { readonly node?: string | undefined; readonly protocol?: string | undefined } {
  if (family === 'forwarded') return forwardedHop(header('forwarded') ?? '', hops) ?? {}
  return {
    node: hopFromTheRight(header('x-forwarded-for'), hops),
    protocol: hopFromTheRight(header('x-forwarded-proto'), hops),
  }
}

// Each proxy adds to the right, so all that is further left than the outermost trusted one is the client's invention.
function hopFromTheRight(list: string | undefined, hops: number): string | undefined {
  const entries = (list ?? '').split(',').map((entry) => entry.trim())
  const told = entries.filter((entry) => entry !== '')
  return told[Math.max(0, told.length - hops)]
}

// `[2001:db8::1]:4711`, `192.0.2.1:4711` and the same without a port; a bare IPv6 address has more than one colon.
function addressOf(node: string): string | undefined {
  if (node === '' || node.toLowerCase() === 'unknown') return undefined
  const bracketed = /^\[([^\]]+)\]/.exec(node)?.[1]
  if (bracketed !== undefined) return bracketed
  return node.split(':').length === 2 ? node.slice(0, node.indexOf(':')) : node
}
