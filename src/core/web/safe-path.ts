// Visible ASCII without `\`, which browsers read as `/`, and all beyond ASCII. They drop tabs and line ends anywhere.
const PATH = /^\/(?![/\\])[!-[\]-~\u0080-\uFFFF]*$/
// Browsers take these out, encoded or not, and what comes behind may then be a second slash at the start.
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:\/|$)/i
const LONE_SURROGATE = /[\uD800-\uDFFF]/u

/**
 * The path of this site to which a visitor is sent back, after a sign-in for example: `given` as it came from the client, with
 * its query and fragment, when it is one; else `otherwise`. What names another host, in whatever disguise, is none
 * (`//evil.example`, `/\evil.example`, `/.//evil.example`), and neither is a path with `.` or `..` in it, as no browser
 * asks for one. What is beyond ASCII comes back percent-encoded, so that it can stand in a header.
 *
 * ```ts
 * response.redirect(303, safePath(request.query['next']))
 * ```
 *
 * @param given anything; what is no string is no path.
 * @param otherwise a path of the application's own.
 */
export function safePath(given: unknown, otherwise = '/'): string {
  if (typeof given !== 'string' || !PATH.test(given) || LONE_SURROGATE.test(given)) return otherwise
  const [path = ''] = given.split(/[?#]/, 1)
  return DOT_SEGMENT.test(path) ? otherwise : given.replace(/[\u0080-\uFFFF]+/g, encodeURIComponent)
}
