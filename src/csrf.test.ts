import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { RequestFacts } from './core/web/carrier.ts'
import type { FactsInput } from '../test/facts.ts'
import { factsOf } from '../test/facts.ts'
import { hmacSha256 } from './platform/node.ts'
import type { CsrfOptions, CsrfSession } from './csrf.ts'
import { csrf } from './csrf.ts'

/** A session as the engine derives secrets for it: new at each sign-in. */
class Visitor implements CsrfSession {
  readonly facts = factsOf()
  #token: Uint8Array | undefined
  start(): this {
    this.#token ??= randomBytes(32)
    return this
  }
  signIn(): void {
    this.#token = randomBytes(32)
  }
  derive(label: string): Uint8Array | undefined {
    return this.#token === undefined ? undefined : hmacSha256(this.#token, label)
  }
}

const guard = csrf()

/** The session of a request. */
function asked(session: Pick<CsrfSession, 'start' | 'derive'>, facts: RequestFacts): CsrfSession {
  return { start: () => session.start(), derive: (label) => session.derive(label), facts }
}

function post(token: string | undefined, input: FactsInput = {}): ReturnType<typeof factsOf> {
  return factsOf({ method: 'POST', ...input, ...(token === undefined ? {} : { fields: { _csrf: token } }) })
}

describe('a form token', () => {
  it('ASVS5-3.5.1 WSTG-SESS-05: passes in the field, in the header or as an argument', () => {
    const visitor = new Visitor()
    const token = guard.token(visitor)
    guard.verify(asked(visitor, post(token)))
    guard.verify(asked(visitor, post(undefined, { headers: { 'x-csrf-token': token } })))
    guard.verify(asked(visitor, post(undefined)), token)
    expect(guard.check(asked(visitor, post(token)))).toBe(true)
    const own = csrf({ field: 'f', header: 'X-Form' })
    expect(own.check(asked(visitor, factsOf({ method: 'POST', fields: { f: token } })))).toBe(true)
    expect(own.check(asked(visitor, factsOf({ method: 'POST', headers: { 'x-form': token } })))).toBe(true)
  })

  it('ASVS5-3.5.1 VULN-4: from before a sign-in it is refused, and a new one passes', () => {
    const visitor = new Visitor()
    const before = guard.token(visitor)
    visitor.signIn()
    expect(() => guard.verify(asked(visitor, post(before)))).toThrow(
      expect.objectContaining({ code: 'csrf', message: expect.stringContaining('load the form again') as string }),
    )
    expect(guard.check(asked(visitor, post(guard.token(visitor))))).toBe(true)
  })

  it('of another session is refused', () => {
    const [one, other] = [new Visitor(), new Visitor()]
    other.start()
    expect(guard.check(asked(other, post(guard.token(one))))).toBe(false)
  })

  it('VULN-32: an empty or missing one never passes, whatever the session', () => {
    const started = new Visitor().start()
    const fresh = new Visitor()
    const hollow: CsrfSession = { start: () => undefined, derive: () => new Uint8Array(), facts: factsOf() }
    for (const session of [started, fresh, hollow]) {
      expect(guard.check(asked(session, post(undefined)))).toBe(false)
      expect(guard.check(asked(session, post('')))).toBe(false)
      expect(guard.check(asked(session, post(undefined, { headers: { 'x-csrf-token': '' } })))).toBe(false)
      expect(guard.check(asked(session, post(undefined)), '')).toBe(false)
      expect(guard.check(asked(session, post(undefined)), undefined)).toBe(false)
    }
    expect(guard.check(asked(started, post(guard.token(started))), '')).toBe(false)
    expect(guard.token(hollow)).toBe('')
  })

  it('a session that was never started has no valid one', () => {
    const stranger = new Visitor()
    expect(guard.check(asked(stranger, post(guard.token(new Visitor()))))).toBe(false)
    expect(stranger.derive('csrf')).toBeUndefined()
  })

  it('differs at each call, in every part, so that compressed responses tell nothing of it', () => {
    const visitor = new Visitor()
    const tokens = Array.from({ length: 200 }, () => guard.token(visitor))
    expect(new Set(tokens).size).toBe(200)
    for (let at = 0; at < 65; at += 1)
      expect(new Set(tokens.map((token) => token[at])).size, `${at}`).toBeGreaterThan(1)
    for (const token of tokens) {
      expect(token).toMatch(/^[A-Za-z0-9_-]{65}$/)
      expect(guard.check(asked(visitor, post(token)))).toBe(true)
    }
  })

  it('with any one character changed, added or taken away is refused', () => {
    const visitor = new Visitor()
    const token = guard.token(visitor)
    for (let at = 0; at < token.length; at += 1) {
      for (const other of ['A', 'B', '_', '=', ' ', '\u00e9'].filter((character) => character !== token[at])) {
        expect(guard.check(asked(visitor, post(token.slice(0, at) + other + token.slice(at + 1))))).toBe(false)
      }
    }
    for (const text of [`${token}A`, token.slice(1), ` ${token}`, `${token}, ${token}`, token.toLowerCase()]) {
      expect(guard.check(asked(visitor, post(text)))).toBe(false)
    }
  })

  it('ASVS5-15.3.5: a list or an object from a body parser is refused', () => {
    const visitor = new Visitor()
    const token = guard.token(visitor)
    for (const value of [[token], { length: 65, slice: () => token, toString: () => token }, 5, true]) {
      expect(guard.check(asked(visitor, post(undefined)), value as unknown as string)).toBe(false)
    }
  })

  it('is written as a hidden input', () => {
    const visitor = new Visitor()
    const html = guard.field(visitor)
    const token = /^<input type="hidden" name="_csrf" value="([A-Za-z0-9_-]{65})">$/.exec(html)?.[1]
    expect(guard.check(asked(visitor, post(token)))).toBe(true)
  })
})

describe('where a request comes from', () => {
  const visitor = new Visitor()
  const token = guard.token(visitor)
  const from = (headers: Record<string, string>, options?: CsrfOptions, input: FactsInput = {}): boolean =>
    csrf(options).check(asked(visitor, post(token, { ...input, headers })))

  it('requests that change nothing pass without a token', () => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE']) {
      expect(guard.check(asked(new Visitor(), factsOf({ method, headers: { 'sec-fetch-site': 'cross-site' } })))).toBe(
        true,
      )
    }
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'get', 'QUERY', '']) {
      expect(guard.check(asked(visitor, factsOf({ method }))), method).toBe(false)
    }
  })

  it('another site is refused, even with a right token', () => {
    expect(from({ 'sec-fetch-site': 'same-origin' })).toBe(true)
    expect(from({ 'sec-fetch-site': 'none' })).toBe(true)
    for (const site of ['cross-site', 'same-site', '', 'Same-Origin', 'unknown']) {
      expect(from({ 'sec-fetch-site': site }), site).toBe(false)
    }
  })

  it('a sister site passes when its origin is listed', () => {
    const options = { origins: ['https://admin.example'] }
    const origin = 'https://admin.example'
    expect(from({ 'sec-fetch-site': 'same-site', origin }, options)).toBe(true)
    expect(from({ origin }, options)).toBe(true)
    expect(from({ 'sec-fetch-site': 'same-site', origin: 'https://evil.example' }, options)).toBe(false)
    expect(from({ 'sec-fetch-site': 'same-site' }, options)).toBe(false)
    expect(from({ 'sec-fetch-site': 'cross-site', origin }, options)).toBe(false)
    expect(from({ origin: 'https://admin.example.evil.example' }, options)).toBe(false)
  })

  it('an Origin must be the one that the request went to', () => {
    expect(from({ origin: 'https://shop.example' })).toBe(true)
    for (const origin of [
      'http://shop.example',
      'https://shop.example:8443',
      'https://evil.example',
      'null',
      '',
      'shop.example',
    ]) {
      expect(from({ origin }), origin).toBe(false)
    }
    expect(from({ origin: 'https://shop.example', host: 'SHOP.example:443' })).toBe(true)
    expect(from({ origin: 'http://localhost:3000', host: 'localhost:3000' }, {}, { secure: false })).toBe(true)
    expect(from({ origin: 'http://localhost', host: 'localhost:80' }, {}, { secure: false })).toBe(true)
    expect(from({ origin: 'https://', host: '' })).toBe(false)
  })

  it('a page that tells its address to nobody tells no origin either, and may send its own forms', () => {
    expect(from({ origin: 'null', 'sec-fetch-site': 'same-origin' })).toBe(true)
    for (const site of ['cross-site', 'same-site', 'none', '']) {
      expect(from({ origin: 'null', 'sec-fetch-site': site }), site).toBe(false)
    }
    expect(from({ origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' })).toBe(false)
  })

  it('messages are plain, say what to do and hold no token', () => {
    const messages: string[] = []
    const attempts: (readonly [CsrfSession, ReturnType<typeof factsOf>])[] = [
      [visitor, post(undefined)],
      [visitor, post('x'.repeat(65))],
      [new Visitor(), post(token)],
      [visitor, post(token, { headers: { origin: 'https://evil.example' } })],
      [visitor, post(token, { headers: { 'sec-fetch-site': 'cross-site' } })],
    ]
    for (const [session, facts] of attempts) {
      try {
        guard.verify(asked(session, facts))
      } catch (error) {
        messages.push(String(error))
      }
    }
    expect(messages).toHaveLength(attempts.length)
    for (const message of messages) {
      expect(message).toMatch(/^SessionError: csrf: the |^SessionError: csrf: this /)
      expect(message).toMatch(/list|load|put/)
      expect(message).not.toContain(token)
    }
  })

  it('wrong options are refused at the start', () => {
    const wrong: unknown[] = [
      { field: '' },
      { field: 'a"b' },
      { header: 'a b' },
      { header: 1 },
      { origins: ['shop.example'] },
    ]
    wrong.push(
      { origins: ['https://shop.example/'] },
      { origins: ['https://*.example'] },
      { origins: ['HTTPS://a'] },
      { origins: [1] },
    )
    for (const options of wrong) expect(() => csrf(options as CsrfOptions), JSON.stringify(options)).toThrow(TypeError)
  })
})
