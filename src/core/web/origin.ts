import { assertOption } from '../options.ts'
import type { RequestFacts } from './carrier.ts'

/** The origin under which this server was asked, as a page of its own would show it; undefined without a host. */
export function ownOrigin(facts: RequestFacts): string | undefined {
  const host = facts.header('host')
  if (host === undefined || host === '') return undefined
  return facts.secure ? `https://${without(host, ':443')}` : `http://${without(host, ':80')}`
}

// An Origin never names its scheme's own port, and a Host may.
function without(host: string, port: string): string {
  const lower = host.toLowerCase()
  return lower.endsWith(port) ? lower.slice(0, -port.length) : lower
}

/**
 * The listed origins.
 * @throws TypeError naming the option when one is not written as browsers write it.
 */
export function checkedOrigins(option: string, origins: readonly string[] = []): ReadonlySet<string> {
  assertOption(
    Array.isArray(origins) && origins.every(isOrigin),
    `${option}: expected a list of scheme and host in lower case, such as https://admin.example.com`,
  )
  return new Set(origins)
}

function isOrigin(given: unknown): boolean {
  return typeof given === 'string' && /^https?:\/\/[a-z0-9.:[\]-]+$/.test(given)
}

/**
 * Whether a socket may be opened. Browsers let any page open one anywhere, bring the cookie along and name the page's
 * origin (cross-site WebSocket hijacking). No Origin means no browser, or one that fetches from its own origin.
 */
export function mayOpenSocket(facts: RequestFacts, origins: ReadonlySet<string>): boolean {
  const origin = facts.header('origin')
  if (origin !== undefined) return origin === ownOrigin(facts) || origins.has(origin)
  const site = facts.header('sec-fetch-site') ?? 'none'
  return site === 'same-origin' || site === 'none'
}
