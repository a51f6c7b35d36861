import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mergeVary, privateCacheControl } from './cache-headers.ts'

describe('Cache-Control of a response that depends on a session', () => {
  it('without a wish of the application it forbids storing', () => {
    expect(privateCacheControl(undefined)).toBe('private, no-store')
    expect(privateCacheControl('')).toBe('private, no-store')
  })

  it('VULN-12: every permission to store or to share is taken away', () => {
    const permissions = [
      'public',
      'PUBLIC',
      'public, max-age=600',
      's-maxage=60',
      'max-age=31536000, immutable',
      'no-store, must-understand',
      'stale-while-revalidate=60, stale-if-error=600',
      'private="set-cookie"',
      'private="x, public"',
      'private="x, public',
      'community="UCI"',
      'public;max-age=1',
      '"public',
    ]
    for (const existing of permissions) expect(privateCacheControl(existing), existing).toBe('private, no-store')
  })

  it('directives that only restrict caches stay', () => {
    expect(privateCacheControl('public, no-transform')).toBe('private, no-store, no-transform')
    expect(privateCacheControl('No-Cache , must-revalidate,proxy-revalidate')).toBe(
      'private, no-store, no-cache, must-revalidate, proxy-revalidate',
    )
    expect(privateCacheControl('private, no-store')).toBe('private, no-store')
  })

  it('VULN-12: whatever stood there, only known restrictions are left, and a second pass changes nothing', () => {
    const known = ['private', 'no-store', 'no-cache', 'must-revalidate', 'proxy-revalidate', 'no-transform']
    const unit = fc.constantFrom('public', 'max-age=1', ',', ' ', '"', '=', '\\', 'no-cache', 'no-transform', '\t', ';')
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 12 }), (parts) => {
        const merged = privateCacheControl(parts.join(''))
        expect(merged.startsWith('private, no-store')).toBe(true)
        for (const directive of merged.split(', ')) expect(known).toContain(directive)
        expect(privateCacheControl(merged)).toBe(merged)
      }),
    )
  })
})

describe('Vary', () => {
  it('VULN-12: what the application varies on stays', () => {
    expect(mergeVary('Accept', ['cookie'])).toBe('Accept, cookie')
    expect(mergeVary('Accept, Accept-Language', ['cookie', 'authorization'])).toBe(
      'Accept, Accept-Language, cookie, authorization',
    )
    expect(mergeVary(undefined, ['cookie'])).toBe('cookie')
    expect(mergeVary('', ['cookie'])).toBe('cookie')
  })

  it('a name is not listed twice, in whatever case', () => {
    expect(mergeVary('Cookie', ['cookie'])).toBe('Cookie')
    expect(mergeVary('accept , COOKIE', ['cookie'])).toBe('accept , COOKIE')
    expect(mergeVary('Accept', ['cookie', 'Cookie', 'accept'])).toBe('Accept, cookie')
    expect(mergeVary('Accept', [])).toBe('Accept')
    expect(mergeVary(undefined, [])).toBe('')
  })

  it('a response that varies on everything keeps saying so', () => {
    expect(mergeVary('*', ['cookie'])).toBe('*')
    expect(mergeVary('Accept, *', ['cookie'])).toBe('*')
    expect(mergeVary('Accept', ['*'])).toBe('*')
  })

  it('a name that only contains ours is another one', () => {
    expect(mergeVary('X-Cookie, Cookie2', ['cookie'])).toBe('X-Cookie, Cookie2, cookie')
  })
})
