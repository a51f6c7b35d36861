import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { factsOf } from '../../test/facts.ts'
import type { UrlCarrierOptions } from './url.ts'
import { urlCarrier } from './url.ts'

const TOKEN = 'abc_-.XYZ'
const DAY = 86_400_000
const carried = { credential: (name: string) => (name === 'url' ? TOKEN : undefined) }
const cookied = { credential: () => undefined }
const byQuery = urlCarrier()
const byPath = urlCarrier({ suffix: ';sid=' })

describe('a token in the URL', () => {
  it('Y2: is read from its parameter, by exact name and undecoded', () => {
    const read = (url: string): readonly string[] => byQuery.read(factsOf({ url }))
    expect(read(`/cart?a=1&sid=${TOKEN}&b=2`)).toEqual([TOKEN])
    expect(read('/cart?sid=a&sid=b')).toEqual(['a', 'b'])
    for (const url of ['/cart', '/sid=a', '/?SID=a', '/?%73id=a', '/?xsid=a', '/?sid', '/cart;sid=a', '/#?sid=a']) {
      expect(read(url), url).toEqual([])
    }
    expect(read('/?sid=%61')).toEqual(['%61'])
  })

  it('Y2: is read from a suffix of the path', () => {
    const read = (url: string): readonly string[] => byPath.read(factsOf({ url }))
    expect(read(`/cart;sid=${TOKEN}?sid=no`)).toEqual([TOKEN])
    expect(read('/a;sid=1/b;sid=2;x=3')).toEqual(['1', '2'])
    for (const url of ['/cart', '/?;sid=a', '/;SID=a', '/;xsid=a', '/sid=a']) expect(read(url), url).toEqual([])
  })

  it('is no part of the URL that the application sees', () => {
    expect(byQuery.strip(`/cart?a=1&sid=${TOKEN}&b=%20#c`)).toBe('/cart?a=1&b=%20#c')
    expect(byQuery.strip(`/cart?sid=${TOKEN}&sid=x`)).toBe('/cart')
    expect(byQuery.strip('/cart?')).toBe('/cart?')
    expect(byQuery.strip(`/cart?sid=${TOKEN}&cookies=ask.abc`)).toBe('/cart')
    expect(byPath.strip(`/a;sid=1/cart;sid=${TOKEN};x=1?b=;sid=2`)).toBe('/a/cart;x=1?b=;sid=2')
  })

  it('is a fallback that carries no signed-in session unless asked to', () => {
    expect([byQuery.isFallback, byQuery.carriesSubjects, byQuery.name]).toEqual([true, false, 'url'])
    expect(urlCarrier({ carriesSubjects: true }).carriesSubjects).toBe(true)
    expect(byQuery.vary).toEqual(['cookie'])
  })

  it('goes with a page that tells its address to nobody', () => {
    expect(byQuery.hand(TOKEN, factsOf(), DAY)).toEqual({ headers: [['referrer-policy', 'no-referrer']] })
    expect(byQuery.clear(factsOf())).toEqual({})
  })

  it('Y3: is offered to those only who were shown to keep no cookies', () => {
    const marked = byQuery.probe?.(factsOf({ url: '/cart' }))?.headers[0]?.[1] ?? ''
    expect(byQuery.offers?.(factsOf({ url: marked }))).toBe(true)
    expect(byQuery.offers?.(factsOf({ url: '/cart' }))).toBe(false)
    expect(byQuery.offers?.(factsOf({ url: marked, headers: { cookie: 'cookies-work=1' } }))).toBe(false)
    expect(byQuery.probe?.(factsOf({ url: `/cart?sid=${TOKEN}` }))).toBeUndefined()
  })

  it('wrong options are refused at the start', () => {
    const wrong: unknown[] = [
      { parameter: '' },
      { parameter: 'a b' },
      { parameter: 1 },
      { suffix: 'sid=' },
      { suffix: ';sid' },
    ]
    wrong.push(
      { suffix: ';=' },
      { suffix: ';a/b=' },
      { suffix: 5 },
      { suffix: ';sid=', parameter: 'sid' },
      { carriesSubjects: 1 },
    )
    for (const options of wrong) {
      expect(() => urlCarrier(options as UrlCarrierOptions), JSON.stringify(options)).toThrow(TypeError)
    }
  })
})

describe('links', () => {
  const query = (href: string): string => byQuery.link(carried, href)
  const path = (href: string): string => byPath.link(carried, href)

  it('of this origin get the token, with query and fragment in their places', () => {
    expect(query('/cart')).toBe(`/cart?sid=${TOKEN}`)
    expect(query('/cart?a=1#top')).toBe(`/cart?a=1&sid=${TOKEN}#top`)
    expect(query('cart')).toBe(`cart?sid=${TOKEN}`)
    expect(query('../x?')).toBe(`../x?sid=${TOKEN}`)
    expect(query('?page=2')).toBe(`?page=2&sid=${TOKEN}`)
    expect(query('/cart?sid=old&b=2')).toBe(`/cart?b=2&sid=${TOKEN}`)
    expect(query('/go?to=https://other.example/#x')).toBe(`/go?to=https://other.example/&sid=${TOKEN}#x`)
    expect(path('/cart')).toBe(`/cart;sid=${TOKEN}`)
    expect(path('/cart?a=1#top')).toBe(`/cart;sid=${TOKEN}?a=1#top`)
    expect(path('/cart;sid=old?a=1')).toBe(`/cart;sid=${TOKEN}?a=1`)
    expect(byQuery.redirectTarget(carried, '/done')).toBe(`/done?sid=${TOKEN}`)
  })

  it('to a place on the same page, or without a path of their own for the suffix, stay as they are', () => {
    for (const href of ['', '#top', '#?a']) expect([query(href), path(href)]).toEqual([href, href])
    expect(path('?page=2')).toBe('?page=2')
  })

  it('to other sites, and whatever a browser might read as one, never get the token', () => {
    const foreign = [
      'https://other.example/',
      'HTTP://other.example',
      '//other.example/x',
      'mailto:a@b.example',
      'javascript:alert(1)',
    ]
    foreign.push(
      '///other.example',
      '/\\other.example',
      '\\\\other.example',
      '\\/other.example',
      ' //other.example',
      '\t//other.example',
    )
    foreign.push(
      '/\t/other.example',
      '/\n/other.example',
      'java\nscript:x',
      'ht\ttps://other.example',
      '\u0001//other.example',
    )
    foreign.push(
      'https:other.example',
      'https:/other.example',
      'data:text/html,x',
      'tel:1',
      'blob:x',
      'a+b-c.1:x',
      '\u007f',
    )
    for (const href of foreign) expect([query(href), path(href)], JSON.stringify(href)).toEqual([href, href])
  })

  it('that get the token resolve to this origin, whatever they are made of', () => {
    const unit = fc.constantFrom(
      '/',
      '/',
      '\\',
      'h',
      ':',
      '.',
      '@',
      '?',
      '#',
      '\t',
      '\n',
      ' ',
      ';',
      '=',
      'é',
      'https:',
      'evil.example',
      '\u0000',
    )
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 8 }), fc.constantFrom(byQuery, byPath), (parts, carrier) => {
        const href = parts.join('')
        const linked = carrier.link(carried, href)
        fc.pre(linked !== href)
        const base = 'https://shop.example/a/b?c=d'
        expect(new URL(linked, base).origin).toBe('https://shop.example')
        expect(carrier.read(factsOf({ url: linked }))).toEqual([TOKEN])
        expect(new URL(linked, base).hash).toBe(new URL(href, base).hash)
      }),
      { numRuns: 3000 },
    )
  })

  it('Y3: stay as they are when the session travels in a cookie', () => {
    for (const href of ['/cart', '/cart?sid=old', '#a']) {
      expect(byQuery.link(cookied, href)).toBe(href)
      expect(byQuery.redirectTarget(cookied, href)).toBe(href)
    }
  })
})
