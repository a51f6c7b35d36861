import { mergeVary, privateCacheControl, privateValueOf } from './cache-headers.ts'
import { mergeSetCookie } from './cookie.ts'

/** What a response must carry because of its session. */
export interface Outcome {
  /** Complete `Set-Cookie` values. */
  readonly cookies: readonly string[]
  /** Other headers to set, names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Request headers on which the response depends. */
  readonly vary: readonly string[]
}

/** The response headers as a front shows them, names in lower case; so that one place merges them for all fronts. */
export interface HeaderSink {
  /** The present value; several fields joined with `, `. */
  get(name: string): string | undefined
  /** The names of the present headers. */
  names(): Iterable<string>
  /** Sets the header to this one value. */
  set(name: string, value: string): void
  /** All `Set-Cookie` values, one a line. */
  cookies(): readonly string[]
  /** Replaces all `Set-Cookie` values. */
  setCookies(lines: readonly string[]): void
}

/**
 * Puts the outcome into the response's headers. The response is marked as private to its visitor: `Set-Cookie` alone
 * does not keep shared caches from storing it (RFC 9111 section 7.3).
 */
export function applyOutcome(outcome: Outcome, sink: HeaderSink): void {
  if (outcome.cookies.length > 0) sink.setCookies(mergeSetCookie(sink.cookies(), outcome.cookies))
  for (const [name, value] of outcome.headers) sink.set(name, value)
  sink.set('cache-control', privateCacheControl(sink.get('cache-control')))
  for (const name of sink.names()) {
    const value = privateValueOf(name)
    if (value !== undefined) sink.set(name, value)
  }
  sink.set('vary', mergeVary(sink.get('vary'), outcome.vary))
}
