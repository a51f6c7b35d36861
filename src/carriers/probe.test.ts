import * as fc from 'fast-check'
import { CookieJar } from 'tough-cookie'
import { describe, expect, it } from 'vitest'
import { factsOf } from '../../test/facts.ts'
import type { Answer, RequestFacts } from '../core/web/carrier.ts'
import { cookieProbe } from './probe.ts'

const START = Date.UTC(2026, 0, 5, 12)
const ORIGIN = 'https://shop.example'

function locationOf(answer: Answer | undefined): string {
  return answer?.headers.find(([name]) => name === 'location')?.[1] ?? ''
}

/** Where a browser goes next. */
function next(url: string, answer: Answer | undefined): URL {
  return new URL(locationOf(answer), ORIGIN + url)
}

function probeAt(now = START): { probe: ReturnType<typeof cookieProbe>; clock: { now: number } } {
  const clock = { now }
  return { probe: cookieProbe('urlCarrier', { now: () => clock.now }), clock }
}

describe('finding out whether a client keeps cookies', () => {
  it('Y3: a client that keeps them is back at the clean URL after two redirects, and is not asked again', async () => {
    const { probe } = probeAt()
    const jar = new CookieJar()
    const visited: string[] = []
    let url = '/cart?page=2'
    for (;;) {
      visited.push(url)
      const cookie = await jar.getCookieString(ORIGIN + url)
      const answer = probe.answer(factsOf({ url, headers: { cookie } }))
      if (answer === undefined) break
      for (const line of answer.cookies) await jar.setCookie(line, ORIGIN + url)
      const target = next(url, answer)
      url = target.pathname + target.search
    }
    expect(visited).toEqual([
      '/cart?page=2',
      expect.stringMatching(/^\/cart\?page=2&cookies=ask\.[0-9a-z]+$/),
      '/cart?page=2',
    ])
    const cookie = await jar.getCookieString(`${ORIGIN}/other`)
    expect(probe.answer(factsOf({ url: '/other', headers: { cookie } }))).toBeUndefined()
    expect(probe.isCookieless(factsOf({ url: '/other', headers: { cookie } }))).toBe(false)
  })

  it('Y3: a client that keeps none is found out after one redirect', () => {
    const { probe } = probeAt()
    const asked = probe.answer(factsOf({ url: '/' }))
    const marked = locationOf(asked)
    expect(probe.answer(factsOf({ url: marked }))).toBeUndefined()
    expect(probe.isCookieless(factsOf({ url: marked }))).toBe(true)
    expect(probe.isCookieless(factsOf({ url: '/' }))).toBe(false)
    expect(probe.strip(marked)).toBe('/')
  })

  it('the question is a redirect that no cache keeps, with a cookie that holds no secret', () => {
    const { probe } = probeAt()
    expect(probe.answer(factsOf({ url: '/a' }))).toEqual({
      status: 302,
      headers: [
        ['location', `/a?cookies=ask.${(START / 1000).toString(36)}`],
        ['cache-control', 'no-store'],
        ['vary', 'cookie'],
      ],
      cookies: ['cookies-work=1; Path=/; Secure; HttpOnly; SameSite=Lax'],
      body: '',
    })
    const plain = probe.answer(factsOf({ url: '/a', secure: false }))
    expect(plain?.cookies).toEqual(['cookies-work=1; Path=/; HttpOnly; SameSite=Lax'])
  })

  it('only the views of pages are sent round', () => {
    const { probe } = probeAt()
    for (const method of ['POST', 'HEAD', 'PUT', 'OPTIONS']) expect(probe.answer(factsOf({ method }))).toBeUndefined()
    for (const mode of ['cors', 'no-cors', 'websocket', 'same-origin']) {
      expect(probe.answer(factsOf({ headers: { 'sec-fetch-mode': mode } })), mode).toBeUndefined()
    }
    for (const url of ['*', 'http://evil.example/', 'evil.example:443', '']) {
      expect(probe.answer(factsOf({ url })), url).toBeUndefined()
    }
    expect(probe.answer(factsOf({ headers: { 'sec-fetch-mode': 'navigate' } }))?.status).toBe(302)
  })

  it('a marked URL that somebody sent on asks anew, and does not mark its reader as cookieless', () => {
    const { probe, clock } = probeAt()
    const marked = locationOf(probe.answer(factsOf({ url: '/a?x=1' })))
    clock.now += 5 * 60_000
    expect(probe.isCookieless(factsOf({ url: marked }))).toBe(true)
    clock.now += 1000
    expect(probe.isCookieless(factsOf({ url: marked }))).toBe(false)
    const again = locationOf(probe.answer(factsOf({ url: marked })))
    expect(again).toBe(`/a?x=1&cookies=ask.${Math.floor(clock.now / 1000).toString(36)}`)
    expect(probe.answer(factsOf({ url: again }))).toBeUndefined()
  })

  it('a form that a marked page sent is known to come from a client without cookies', () => {
    const { probe, clock } = probeAt()
    const marked = locationOf(probe.answer(factsOf({ url: '/form' })))
    clock.now += 3_600_000
    const post = (referer: string, more: Partial<RequestFacts> = {}): boolean =>
      probe.isCookieless({ ...factsOf({ method: 'POST', url: '/save', headers: { referer } }), ...more })
    expect(post(ORIGIN + marked)).toBe(true)
    expect(post(`${ORIGIN}/form`)).toBe(false)
    expect(post(`https://evil.example${marked}`)).toBe(false)
    expect(post(`https://shop.example.evil.example${marked}`)).toBe(false)
    expect(post(ORIGIN + marked, { secure: false })).toBe(false)
    const headers = { referer: ORIGIN + marked, cookie: 'a=1' }
    expect(probe.isCookieless(factsOf({ method: 'POST', headers }))).toBe(false)
    expect(probe.isCookieless(factsOf({ url: '/save', headers: { referer: ORIGIN + marked } }))).toBe(false)
  })

  it('an application may have a parameter of the same name', () => {
    const { probe } = probeAt()
    const headers = { cookie: 'a=1' }
    for (const url of [
      '/?cookies=oatmeal',
      '/?cookies=ask',
      '/?cookies=ask.',
      '/?mycookies=ask.abc',
      '/?a=cookies=ask.abc',
    ]) {
      expect(probe.strip(url), url).toBe(url)
      expect(probe.answer(factsOf({ url, headers })), url).toBeUndefined()
    }
    expect(probe.strip('/?cookies=oatmeal&cookies=ask.abc&b=2#c')).toBe('/?cookies=oatmeal&b=2#c')
    expect(cookieProbe('urlCarrier', { marker: 'm', testCookie: 't' }).answer(factsOf())?.cookies[0]).toMatch(/^t=1;/)
  })

  it('the redirect never leaves the origin, whatever the path looks like', () => {
    const { probe } = probeAt()
    const paths = [
      '//evil.example/x',
      '///evil.example',
      '/\\evil.example',
      '\\\\evil.example',
      '/\t/evil.example',
      '/\n/evil.example',
    ]
    paths.push(
      '//evil.example',
      '//',
      '/@evil.example',
      '/%2f/evil.example',
      '/.//evil.example',
      '//user:pw@evil.example:80/',
      '/a\\b',
    )
    for (const url of paths.filter((path) => path.startsWith('/'))) {
      for (const answer of [
        probe.answer(factsOf({ url })),
        probe.answer(factsOf({ url: `${url}?cookies=ask.abc`, headers: { cookie: 'a=1' } })),
      ]) {
        const target = next('/', answer)
        expect(target.origin, JSON.stringify([url, locationOf(answer)])).toBe(ORIGIN)
        expect(locationOf(answer)).toMatch(/^[!-~]+$/)
      }
    }
    expect(next('/', probe.answer(factsOf({ url: '//evil.example/x' }))).pathname).toBe('//evil.example/x')
    expect(probe.answer(factsOf({ url: '\\\\evil.example' }))).toBeUndefined()
  })

  it('the redirect leads to the same path and query, whatever the client sent', () => {
    const { probe } = probeAt()
    const unit = fc.constantFrom(
      '/',
      '/',
      '\\',
      'a',
      '.',
      ':',
      '@',
      '?',
      '&',
      '=',
      '\t',
      ' ',
      '"',
      '\u00e9',
      '\u2028',
      '\ud800',
      '%41',
      'cookies=ask.1',
    )
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 16 }), fc.boolean(), (parts, hasCookie) => {
        const url = `/${parts.join('')}`
        const facts = factsOf({
          url: hasCookie ? `${url}?cookies=ask.1` : url,
          headers: hasCookie ? { cookie: 'a=1' } : {},
        })
        const answer = probe.answer(facts)
        const location = locationOf(answer)
        fc.pre(location !== '')
        expect(location).toMatch(/^\/[!-~]*$/)
        expect(new URL(location, ORIGIN).origin).toBe(ORIGIN)
      }),
      { numRuns: 2000 },
    )
  })

  it('names that would need encoding are refused at the start', () => {
    for (const name of ['', 'a b', 'a=b', 'a&b', 'é', 'a;b', '\n']) {
      expect(() => cookieProbe('urlCarrier', { marker: name }), name).toThrow(/^urlCarrier: marker/)
      expect(() => cookieProbe('urlCarrier', { testCookie: name }), name).toThrow(/^urlCarrier: testCookie/)
    }
  })
})
