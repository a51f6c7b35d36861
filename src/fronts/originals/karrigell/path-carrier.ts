import type { Carried, RequestFacts } from '../../../core/web/carrier.ts'
import type { CookieCarrier, CookieOptions } from '../../../core/web/cookie-carrier.ts'
import { cookieCarrier } from '../../../core/web/cookie-carrier.ts'

/** A cookie whose path each request may choose. */
export interface PathCarrier {
  readonly carrier: CookieCarrier
  /** The path of the cookie that the response to this request sets or clears. */
  readonly setPath: (facts: RequestFacts, path: string) => void
}

// Here, and not with each carrier: after a hot reload the first carrier of a name stays in use.
const paths = new WeakMap<RequestFacts, string>()

/** A cookie of that name with `Path=/`, unless a request chooses another path. */
export function pathCarrier(name: string, options: Omit<CookieOptions, 'name' | 'domain' | 'path'>): PathCarrier {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- cookieCarrier checks how attributes go together
  const carrier = cookieCarrier({ ...options, name } as CookieOptions)
  const withPath = ({ cookies = [], ...rest }: Carried, facts: RequestFacts): Carried => ({
    ...rest,
    // A function, because in a text `$&` would stand for what it replaces.
    cookies: cookies.map((line) => line.replace('; Path=/;', () => `; Path=${paths.get(facts) ?? '/'};`)),
  })
  return {
    carrier: {
      ...carrier,
      hand: (text, facts, remaining, persistent) => withPath(carrier.hand(text, facts, remaining, persistent), facts),
      clear: (facts) => withPath(carrier.clear(facts), facts),
    },
    setPath(facts, path) {
      // A semicolon would begin another attribute.
      if (!/^\/[\x21-\x2B\x2D-\x3A\x3C-\x7E]*$/.test(path)) {
        throw new TypeError('Session: path must begin with / and be ASCII without space, comma and semicolon')
      }
      paths.set(facts, path)
    },
  }
}
