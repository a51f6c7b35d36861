import { describe, expect, it } from 'vitest'
import { factsOf } from '../../test/facts.ts'
import type { HeaderCarrierOptions } from './header.ts'
import { headerCarrier } from './header.ts'

const DAY = 86_400_000

describe('a token in a header', () => {
  const carrier = headerCarrier()
  const read = (authorization: string): readonly string[] => carrier.read(factsOf({ headers: { authorization } }))

  it('follows the scheme Bearer, in any case, after exactly one space', () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) expect(read(`${scheme} abc`)).toEqual(['abc'])
    const others = [
      'Bearer  abc',
      'Bearer\tabc',
      'Bearerabc',
      'Bearer',
      'Bearer ',
      'Basic abc',
      'abc',
      '',
      ' Bearer abc',
    ]
    for (const other of others) expect(read(other), other).toEqual([])
  })

  it('ASVS5-15.3.7: several of them, joined, are none', () => {
    for (const joined of ['Bearer a, Bearer b', 'Bearer a,b', 'Bearer a b', 'Basic x, Bearer a']) {
      expect(read(joined), joined).toEqual([])
    }
  })

  it('may be the whole value of a header with another name', () => {
    const named = headerCarrier({ name: 'X-Session', responseHeader: 'X-Session' })
    expect(named.read(factsOf({ headers: { 'x-session': 'abc', authorization: 'Bearer other' } }))).toEqual(['abc'])
    expect(named.read(factsOf({ headers: { 'x-session': '' } }))).toEqual([])
    expect(named.read(factsOf({ headers: { 'x-session': 'a, b' } }))).toEqual([])
    expect(named.read(factsOf({ headers: { authorization: 'Bearer other' } }))).toEqual([])
    expect(named.vary).toEqual(['x-session'])
    expect(named.hand('abc', factsOf(), DAY)).toEqual({ headers: [['x-session', 'abc']] })
  })

  it('is handed out by a response header, and taken away by an empty one', () => {
    expect(carrier.hand('abc', factsOf(), DAY)).toEqual({ headers: [['session-token', 'abc']] })
    expect(carrier.clear(factsOf())).toEqual({ headers: [['session-token', '']] })
    expect(carrier.vary).toEqual(['authorization'])
    expect([carrier.isFallback, carrier.carriesSubjects]).toEqual([false, true])
  })

  it('is read, and offered to new visitors, for those requests only that it is for', () => {
    const api = headerCarrier({ when: (facts) => facts.url.startsWith('/api/') })
    const headers = { authorization: 'Bearer abc' }
    expect(api.read(factsOf({ url: '/api/cart', headers }))).toEqual(['abc'])
    expect(api.read(factsOf({ url: '/cart', headers }))).toEqual([])
    expect(api.offers?.(factsOf({ url: '/api/cart' }))).toBe(true)
    expect(api.offers?.(factsOf({ url: '/cart' }))).toBe(false)
    expect('offers' in carrier).toBe(false)
  })

  it('VULN-26: a wrong option is refused at the start', () => {
    const wrong: unknown[] = [
      { name: 'a b' },
      { name: '' },
      { name: 'a\r\nb' },
      { name: 'x:y' },
      { name: 'Cookie' },
      { name: 1 },
    ]
    wrong.push({ responseHeader: 'Set-Cookie' }, { responseHeader: 'x\0' }, { responseHeader: 'é' }, { when: true })
    for (const options of wrong) {
      expect(() => headerCarrier(options as HeaderCarrierOptions), JSON.stringify(options)).toThrow(TypeError)
    }
  })
})
