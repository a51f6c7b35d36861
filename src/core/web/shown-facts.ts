import type { RequestFacts } from './carrier.ts'

/** The request as applications and their logs may see it: with this URL, which is without a token. */
export function shownFacts(facts: RequestFacts, url: string): RequestFacts {
  if (facts.url === url) return facts
  const { method, secure, clientAddress, hasResponse, header, field } = facts
  return { method, url, secure, clientAddress, hasResponse, header, field }
}
