import { CookieJar } from 'tough-cookie'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { factsOf } from '../../../test/facts.ts'
import type { CookieOptions } from './cookie-carrier.ts'
import { cookieCarrier } from './cookie-carrier.ts'
import { cookieNameOf } from './cookie.ts'

const TOKEN = `abc${'x'.repeat(43)}`
const DAY = 86_400_000
const START = Date.UTC(2026, 0, 5, 12)

function lineFrom(options?: CookieOptions, remaining = DAY): string {
  return cookieCarrier(options).hand(TOKEN, factsOf(), remaining).cookies?.[0] ?? ''
}

/** Options as they may come from a configuration file, past all types. */
function untyped(options: unknown): CookieOptions {
  return options as CookieOptions
}

afterEach(() => vi.unstubAllEnvs())

describe('the cookie that goes out', () => {
  it('ASVS5-3.3.1 ASVS5-3.3.2 ASVS5-3.3.4 NIST-5.1.1-a NIST-5.1.1-b CS-1 WSTG-SESS-02: by default it is the best protected one that browsers know', () => {
    expect(lineFrom()).toBe(`__Host-id=${TOKEN}; Path=/; Secure; HttpOnly; SameSite=Lax`)
  })

  it('ASVS5-3.3.1 ASVS5-3.3.2: every combination keeps the rules of the prefix in its name, or is refused at the start', () => {
    const names = [undefined, '__Host-x', '__host-x', '__Secure-x', '__SECURE-x', '__Http-x', '__Host-Http-x', 'x']
    const combinations = names.flatMap((name) =>
      [undefined, 'shop.example'].flatMap((domain) =>
        [undefined, '/', '/shop'].flatMap((path) =>
          [undefined, 'lax', 'strict', 'none'].map((sameSite) => ({ name, domain, path, sameSite })),
        ),
      ),
    )
    const isShared = ({ domain, path }: (typeof combinations)[0]): boolean => domain !== undefined || path === '/shop'
    const isAllowed = (one: (typeof combinations)[0]): boolean =>
      !isShared(one) || one.name === undefined || /^__(secure|http)-/i.test(one.name)
    for (const one of combinations.filter(isAllowed)) {
      const line = lineFrom(untyped(one))
      expect(line).toContain('; Secure; HttpOnly; ')
      expect(line.match(/SameSite=/g)).toHaveLength(1)
      expect(line.includes('Domain=') || line.includes('Path=/shop')).toBe(isShared(one))
      expect(cookieNameOf(line)).toBe(one.name ?? (isShared(one) ? '__Secure-id' : '__Host-id'))
    }
    for (const one of combinations.filter((combination) => !isAllowed(combination))) {
      expect(() => cookieCarrier(untyped(one)), JSON.stringify(one)).toThrow(TypeError)
    }
  })

  it('ASVS5-3.3.3 ASVS4-3.4.5 COOKIE-5: domain and path are refused for a name that promises one host', () => {
    expect(() => cookieCarrier(untyped({ name: '__Host-x', domain: 'a.example' }))).toThrow(/domain: .*__Secure-/)
    expect(() => cookieCarrier(untyped({ name: '__host-x', path: '/app' }))).toThrow(/path: .*__Secure-/)
    expect(() => cookieCarrier(untyped({ name: 'x', domain: 'a.example' }))).toThrow(
      /domain: needs a name with __Secure-/,
    )
    expect(() => cookieCarrier(untyped({ name: 'x', path: '/app' }))).toThrow(/path: needs a name with __Secure-/)
    expect(lineFrom({ domain: 'a.example', path: '/app' })).toBe(
      `__Secure-id=${TOKEN}; Path=/app; Domain=a.example; Secure; HttpOnly; SameSite=Lax`,
    )
  })

  it('ASVS5-3.3.3: the compiler knows the rules of the prefixes', () => {
    // @ts-expect-error __Host- forbids a domain
    expect(() => cookieCarrier({ name: '__Host-x', domain: 'a.example' })).toThrow(TypeError)
    // @ts-expect-error __Host- demands the path /
    expect(() => cookieCarrier({ name: '__Host-x', path: '/app' })).toThrow(TypeError)
    // @ts-expect-error plain http has no cookie for other sites
    expect(() => cookieCarrier({ insecureDevelopment: true, sameSite: 'none' })).toThrow(TypeError)
    // @ts-expect-error HttpOnly cannot be switched off
    expect(() => cookieCarrier({ httpOnly: false })).toThrow(/httpOnly: is always on/)
    const isDevelopment: boolean = false
    expect(cookieCarrier({ insecureDevelopment: isDevelopment }).cookieName).toBe('__Host-id')
  })

  it('COOKIE-3 COOKIE-15: a persistent one lasts until the absolute end of the session, at most 400 days', () => {
    const now = (): number => START
    expect(lineFrom({ persistent: true, now }, 90_999)).toBe(
      `__Host-id=${TOKEN}; Path=/; Max-Age=90; Expires=Mon, 05 Jan 2026 12:01:30 GMT; Secure; HttpOnly; SameSite=Lax`,
    )
    expect(lineFrom({ persistent: true, now }, 401 * DAY)).toContain('Max-Age=34560000; Expires=Tue, 09 Feb 2027')
    expect(lineFrom({ persistent: true, now }, -5)).toContain('Max-Age=0;')
    expect(lineFrom({ now }, 90_000)).not.toMatch(/Max-Age|Expires/)
    expect(() => lineFrom({ persistent: true, now }, Number.NaN)).toThrow(TypeError)
  })

  it('COOKIE-12: a partitioned one is Secure', () => {
    expect(lineFrom({ partitioned: true, sameSite: 'none', priority: 'high' })).toBe(
      `__Host-id=${TOKEN}; Path=/; Secure; HttpOnly; SameSite=None; Partitioned; Priority=High`,
    )
    expect(() => cookieCarrier(untyped({ partitioned: true, insecureDevelopment: true }))).toThrow(/partitioned: needs/)
  })

  it('in development over plain http the prefix and Secure go, and nothing else', () => {
    const carrier = cookieCarrier({ insecureDevelopment: true })
    expect(carrier.cookieName).toBe('id')
    expect(carrier.hand(TOKEN, factsOf({ secure: false }), DAY).cookies).toEqual([
      `id=${TOKEN}; Path=/; HttpOnly; SameSite=Lax`,
    ])
    expect(cookieCarrier({ name: '__Secure-shop', insecureDevelopment: true, path: '/app' }).cookieName).toBe('shop')
    expect(() => cookieCarrier(untyped({ name: '__Host-x', domain: 'a.b', insecureDevelopment: true }))).toThrow(
      TypeError,
    )
  })

  it('ASVS5-3.3.1: insecureDevelopment is refused in production', () => {
    vi.stubEnv('NODE_ENV', 'production')
    expect(() => cookieCarrier({ insecureDevelopment: true })).toThrow(/refused in production/)
    expect(cookieCarrier({ insecureDevelopment: false }).cookieName).toBe('__Host-id')
  })
})

describe('options', () => {
  it('VULN-26 COOKIE-4: a hostile character in any attribute is refused at the start, with the name of the attribute', () => {
    const attributes = ['name', 'domain', 'path', 'sameSite', 'priority']
    const lead: Record<string, string> = { name: '__Secure-', path: '/' }
    for (const attribute of attributes)
      for (const character of [';', '\r', '\n', '\0', '\u007f', ',', ' ', 'é', '\u{1f36a}']) {
        for (const text of [`a${character}b`, `a${character}`, `${character}a`]) {
          const options = untyped({ [attribute]: (lead[attribute] ?? '') + text })
          const error = thrownBy(() => cookieCarrier(options))
          expect(error, JSON.stringify(options)).toBeInstanceOf(TypeError)
          expect(String(error)).toContain(`cookie.${attribute}: `)
        }
      }
  })

  it('VULN-26: a value of another type is refused, even one that turns into a fine text', () => {
    for (const attribute of [
      'name',
      'domain',
      'path',
      'sameSite',
      'priority',
      'partitioned',
      'persistent',
      'insecureDevelopment',
      'now',
    ]) {
      for (const value of [1, {}, ['lax'], null, { toString: () => 'lax' }]) {
        expect(() => cookieCarrier(untyped({ [attribute]: value })), attribute).toThrow(`cookie.${attribute}: expected`)
      }
    }
    for (const options of [null, 'x', 1]) expect(() => cookieCarrier(untyped(options))).toThrow(TypeError)
  })

  it('VULN-27: what a polluted prototype says is no option', () => {
    const parsed: unknown = JSON.parse('{"__proto__":{"domain":"evil.example","path":"/evil","sameSite":"none"}}')
    const inherited: unknown = Object.create({ domain: 'evil.example', name: '__Secure-evil', now: () => 0 })
    for (const options of [parsed, inherited]) {
      expect(lineFrom(untyped(options))).toBe(`__Host-id=${TOKEN}; Path=/; Secure; HttpOnly; SameSite=Lax`)
    }
  })

  it('an option that does not exist is refused with what to do instead', () => {
    expect(() => cookieCarrier(untyped({ samesite: 'strict' }))).toThrow(
      /"samesite" is no option; there are name, domain/,
    )
    expect(() => cookieCarrier(untyped({ secure: false }))).toThrow(/set insecureDevelopment/)
    expect(() => cookieCarrier(untyped({ maxAge: 5 }))).toThrow(/set persistent: true/)
  })

  it('COOKIE-1: a name that leaves no room for a token is refused at the start', () => {
    expect(() => cookieCarrier({ name: 'n'.repeat(3969) })).toThrow(/name: too long/)
    expect(lineFrom({ name: 'n'.repeat(3968) })).toContain(TOKEN)
  })

  it('COOKIE-2: a path over 1024 bytes is refused at the start', () => {
    expect(() => cookieCarrier({ path: `/${'p'.repeat(1024)}` })).toThrow(/path: over 1024 bytes/)
  })

  it('COOKIE-6 COOKIE-7: the newer prefixes are accepted, misspelt ones are not', () => {
    expect(cookieCarrier({ name: '__Http-id', path: '/app' }).cookieName).toBe('__Http-id')
    expect(cookieCarrier({ name: '__Host-Http-id' }).cookieName).toBe('__Host-Http-id')
    expect(() => cookieCarrier(untyped({ name: '__Host-Http-id', path: '/app' }))).toThrow(/path: must be \//)
    for (const name of ['Host__x', '__Host_x', '_Host-x']) expect(() => cookieCarrier({ name })).toThrow(/misspelt/)
    expect(() => cookieCarrier({ name: 'Host__x', insecureDevelopment: true })).toThrow(/misspelt/)
  })
})

describe('reading', () => {
  const carrier = cookieCarrier()

  it('COOKIE-11: no cookie is no token, and no error', () => {
    expect(carrier.read(factsOf())).toEqual([])
    expect(carrier.read(factsOf({ headers: { cookie: '' } }))).toEqual([])
    expect(carrier.read(factsOf({ headers: { cookie: 'theme=dark' } }))).toEqual([])
  })

  it('COOKIE-10: it is found in whichever of several Cookie fields it came', () => {
    const fields = ['theme=dark', `__Host-id=${TOKEN}`]
    expect(carrier.read(factsOf({ headers: { cookie: fields.join('; ') } }))).toEqual([TOKEN])
    expect(carrier.read(factsOf({ headers: { cookie: fields.toReversed().join('; ') } }))).toEqual([TOKEN])
  })

  it('several values are all shown, for the engine to refuse', () => {
    expect(carrier.read(factsOf({ headers: { cookie: '__Host-id=a; __Host-id=b' } }))).toEqual(['a', 'b'])
  })

  it('VULN-31 ASVS5-14.2.1 ASVS4-3.1.1 CS-7: a token in the URL, in the body or in a header is not read', () => {
    const facts = factsOf({
      url: `/cart;jsessionid=${TOKEN}?__Host-id=${TOKEN}&id=${TOKEN}&sid=${TOKEN}`,
      headers: { 'x-session': TOKEN, authorization: `Bearer ${TOKEN}` },
      fields: { sid: TOKEN, '__Host-id': TOKEN },
    })
    expect(carrier.read(facts)).toEqual([])
  })
})

describe('clearing', () => {
  const configurations: readonly CookieOptions[] = [
    {},
    { persistent: true },
    { name: 'plain' },
    { sameSite: 'none', partitioned: true },
    { sameSite: 'strict', priority: 'low' },
    { domain: 'shop.example' },
    { path: '/app' },
    { name: '__Secure-x', domain: 'shop.example', path: '/app', persistent: true },
    { name: '__Http-x', domain: 'shop.example' },
    { name: '__Host-Http-x' },
    { insecureDevelopment: true },
    { insecureDevelopment: true, domain: 'shop.example', path: '/app' },
  ]

  it('COOKIE-14: after a sign-out the browser holds no cookie, whatever the configuration', async () => {
    for (const options of configurations) {
      const carrier = cookieCarrier(options)
      const secure = options.insecureDevelopment !== true
      const url = `${secure ? 'https' : 'http'}://www.shop.example/app/page`
      const jar = new CookieJar(undefined, { prefixSecurity: 'strict' })
      await put(jar, url, carrier.hand(TOKEN, factsOf({ secure }), DAY).cookies)
      expect(carrier.read(factsOf({ headers: { cookie: await jar.getCookieString(url) } }))).toEqual([TOKEN])
      await put(jar, url, carrier.clear(factsOf({ secure })).cookies)
      expect(await jar.getCookieString(url), JSON.stringify(options)).toBe('')
      expect((await jar.serialize()).cookies, JSON.stringify(options)).toEqual([])
    }
  })

  it('COOKIE-14: the line that clears has all attributes that make up the identity of the cookie', () => {
    const options = { domain: 'a.example', path: '/app', sameSite: 'none', partitioned: true } as const
    expect(cookieCarrier({ ...options, persistent: true, priority: 'high' }).clear(factsOf()).cookies).toEqual([
      '__Secure-id=; Path=/app; Domain=a.example; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; ' +
        'Secure; HttpOnly; SameSite=None; Partitioned',
    ])
  })
})

describe('a complaint', () => {
  const plain = (host: string, options?: CookieOptions): string | undefined =>
    cookieCarrier(options).complaint?.(factsOf({ secure: false, headers: { host } }))

  it('says that a Secure cookie is lost over plain http, and what to do', () => {
    expect(plain('shop.example')).toMatch(/plain http.*trust the proxy.*https.*insecureDevelopment: true/)
    expect(plain('shop.example:8080')).toBeDefined()
    expect(plain('localhost.evil.example')).toBeDefined()
    expect(plain('127.0.0.1.evil.example')).toBeDefined()
    expect(plain('[::2]:80')).toBeDefined()
    expect(plain('')).toBeDefined()
  })

  it('is not made where browsers keep the cookie', () => {
    for (const host of [
      'localhost',
      'localhost:3000',
      'LOCALHOST',
      'shop.localhost',
      '127.0.0.1:80',
      '[::1]',
      '[::1]:3000',
    ]) {
      expect(plain(host), host).toBeUndefined()
    }
    expect(plain('shop.example', { insecureDevelopment: true })).toBeUndefined()
    expect(cookieCarrier().complaint?.(factsOf())).toBeUndefined()
  })

  it('says that a domain does not cover the host', () => {
    const carrier = cookieCarrier({ domain: 'Shop.example' })
    const at = (host: string): string | undefined => carrier.complaint?.(factsOf({ headers: { host } }))
    expect(at('shop.example')).toBeUndefined()
    expect(at('www.shop.example:8443')).toBeUndefined()
    expect(at('other.example')).toMatch(/browsers drop domain .* on this host/)
    expect(at('evilshop.example')).toMatch(/browsers drop domain .* on this host/)
  })
})

async function put(jar: CookieJar, url: string, lines: readonly string[] | undefined): Promise<void> {
  for (const line of lines ?? []) await jar.setCookie(line, url)
}

function thrownBy(fn: () => unknown): unknown {
  try {
    fn()
  } catch (error) {
    return error
  }
  return undefined
}
