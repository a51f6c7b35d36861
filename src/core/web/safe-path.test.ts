import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { safePath } from './safe-path.ts'

const SITE = 'https://own.example'

/** Where a browser that is on any page of the site goes. */
function originOf(target: string): string {
  return new URL(target, `${SITE}/a/page?x`).origin
}

describe('a path of this site', () => {
  it.each([
    '/',
    '/orders?page=2#last',
    '/a//b',
    '/a/.well-known/x',
    '/a/..b/c..',
    '/search?next=//evil.example&q=a/../b',
    '/%2f/evil',
    '/:80@x',
  ])('is given back as it came: %s', (path) => {
    expect(safePath(path)).toBe(path)
  })

  it('is percent-encoded beyond ASCII, so that it can stand in a header', () => {
    expect(safePath('/straße?q=☕')).toBe('/stra%C3%9Fe?q=%E2%98%95')
  })

  it.each([
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '\\/evil.example',
    '/\t/evil.example',
    '\t//evil.example',
    '/\n/evil.example',
    '/\r\n/evil.example',
    ' //evil.example',
    '/.//evil.example',
    '/%2e//evil.example',
    '/%2E%2e//evil.example',
    '/a/..//evil.example',
    '/a/.%2e//evil.example',
    '/./\\evil.example',
    '/.\\evil.example',
    '/a/\\../evil',
    'https://evil.example',
    'https:evil.example',
    'javascript:alert(1)',
    'data:text/html,x',
    'evil.example',
    '',
    '?x',
    '#x',
    '/a b',
    '/a\0b',
    '/a\u007Fb',
    '/\uD800',
    '/..',
    '/a/.',
  ])('is not what leads elsewhere, in whatever disguise: %j (S8)', (given) => {
    expect(safePath(given)).toBe('/')
    expect(safePath(given, '/home')).toBe('/home')
  })

  it('is no list and no object, as parsers of queries make them (S8)', () => {
    for (const given of [undefined, null, 1, ['/a'], { toString: () => '/a' }, new String('/a')]) {
      expect(safePath(given)).toBe('/')
    }
  })

  it('leads to this site whatever it was made from, also when it is parsed and written again (S8)', () => {
    const signs = [
      '/',
      '\\',
      '.',
      '..',
      '%2e',
      '%2E',
      '%2f',
      '%5c',
      '\t',
      '\n',
      '\r',
      ' ',
      ':',
      '@',
      '?',
      '#',
      ';',
      '%00',
    ]
    const texts = ['evil.example', 'https:', 'javascript:', 'a', 'ß', '／', '。', '\u2028', '\0', '[', '|', '\uFEFF']
    const piece = fc.constantFrom(...signs, ...texts)
    const made = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
    const given = fc.oneof(
      made,
      made.map((text) => `/${text}`),
      fc.string({ unit: 'binary' }),
    )
    fc.assert(
      fc.property(given, (text) => {
        const path = safePath(text, '/otherwise')
        expect(path).toMatch(/^\/[!-~]*$/)
        expect(originOf(path)).toBe(SITE)
        const url = new URL(path, SITE)
        expect(originOf(url.pathname + url.search + url.hash)).toBe(SITE)
        expect(safePath(path, '/otherwise')).toBe(path)
      }),
      { numRuns: 5000 },
    )
  })

  it('is every address of the site that a browser asks for, unless it begins with two slashes (S8)', () => {
    fc.assert(
      fc.property(fc.webPath(), fc.webQueryParameters(), (path, query) => {
        const url = new URL(`${SITE}${path === '' ? '/' : path}?${query}`)
        const asked = url.pathname + url.search
        if (!asked.startsWith('//')) expect(safePath(asked, '')).toBe(asked)
      }),
    )
  })
})
