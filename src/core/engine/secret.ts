import { hmacSha256, toBase64Url, utf8 } from '#platform'
import type { State } from './state.ts'

/**
 * What the session's secrets for purposes are derived from: the same from one sign-in to the next, so that a form passes
 * after periodic rotations. It comes from the token under which the session began, or under which its user signed in;
 * the record keeps it only once that token is replaced. Undefined where no token is known.
 */
export function secretOf<Data extends object>({ token, live }: State<Data>): string | undefined {
  if (token === undefined) return undefined
  return live?.meta.secret ?? toBase64Url(hmacSha256(utf8(token), 'sojourn:secret'))
}
