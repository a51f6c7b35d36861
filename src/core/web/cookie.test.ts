import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Cookie } from './cookie.ts'
import { cookieNameOf, mergeSetCookie, scanCookies, serializeCookie, withoutPrefix } from './cookie.ts'
import { isSessionError } from '../errors.ts'

const OURS = '__Host-id'
const base: Cookie = {
  name: OURS,
  value: 'abc',
  path: '/',
  secure: true,
  httpOnly: true,
  sameSite: 'lax',
}
const hostile = [';', '\r', '\n', '\0', '\u007f', ',', ' ', '\u00e9', '\u{1f36a}']

const tokenText = fc.string({
  unit: fc.constantFrom(...Array.from("abcXYZ019!#$%&'*+-.^`|~")),
  minLength: 1,
  maxLength: 30,
})
const octets = fc.string({
  unit: fc
    .integer({ min: 0x21, max: 0x7e })
    .filter((code) => ![0x22, 0x2c, 0x3b, 0x5c].includes(code))
    .map((code) => String.fromCharCode(code)),
  maxLength: 60,
})

function valuesOf(header: string, name = OURS): readonly string[] {
  return scanCookies(header, name).values
}

describe('reading a Cookie header', () => {
  it('COOKIE-8 VULN-28: only the byte-exact name matches, however alike another one looks', () => {
    const corpus = [
      '\u00a0__Host-id=x',
      '__Host-id\u00a0=x',
      '\ufeff__Host-id=x',
      '"__Host-id"=x',
      '=__Host-id=x',
      '= __Host-id=x',
      '__Host-id',
      '..Host-id=x',
      '_[Host-id=x',
      '__Host.id=x',
      '__HOST-id=x',
      '__host-id=x',
      '__Host%2Did=x',
      '%5F%5FHost-id=x',
      '__Host-id2=x',
      'a__Host-id=x',
      '__Host-i=x',
      '\v__Host-id=x',
      '\u2028__Host-id=x',
      'a="; __Host-id2=x"',
    ]
    for (const header of corpus) expect(valuesOf(header), JSON.stringify(header)).toEqual([])
  })

  it('COOKIE-8: a quote does not hide the pair behind it, and values stay as they were sent', () => {
    expect(valuesOf('a="x; __Host-id=y"')).toEqual(['y"'])
    expect(valuesOf('__Host-id="q%20uoted"')).toEqual(['"q%20uoted"'])
    expect(valuesOf('__Host-id=a=b==')).toEqual(['a=b=='])
    expect(valuesOf('__Host-id=\u00a0x')).toEqual(['\u00a0x'])
  })

  it('spaces and tabs around names and values are no part of them', () => {
    expect(valuesOf(' \t__Host-id \t= \tx\t ')).toEqual(['x'])
    expect(valuesOf('a=1;__Host-id=x;b=2')).toEqual(['x'])
    expect(valuesOf('__Host-id=   ;')).toEqual([''])
    expect(valuesOf('__Host-id=')).toEqual([''])
    expect(valuesOf('')).toEqual([])
  })

  it('all values of a name that was sent several times are given, in order', () => {
    expect(valuesOf('__Host-id=a; x=1; __Host-id=b; __Host-id=a')).toEqual(['a', 'b', 'a'])
  })

  it('ASVS5-1.5.3: it agrees with the algorithm of RFC 6265bis section 5.6 on any text', () => {
    const unit = fc.constantFrom('i', 'd', '=', ';', ' ', '\t', '"', '\\', '%', '\u00a0', '\ufeff', '_', ',')
    const header = fc.array(fc.oneof(fc.constant('id'), fc.constant('id='), fc.constant('; '), unit), { maxLength: 24 })
    fc.assert(
      fc.property(header, (parts) => {
        const text = parts.join('')
        // The scan stops at eight values.
        expect(scanCookies(text, 'id').values).toEqual(referenceValues(text, 'id').slice(0, 8))
      }),
      { numRuns: 2000 },
    )
  })

  it('VULN-35 DOS-10: the work grows no faster than the header', () => {
    const shapes = [
      'a=b;',
      '\\',
      '"',
      ' ',
      ';',
      '=',
      '\t;',
      '__Host-i;',
      '__Host-id',
      '__Host-id ',
      '__Host-id =',
      '__Host-id= ;',
    ]
    for (const shape of shapes) {
      const [once, twice] = [4096, 8192].map((length) => workOf(shape.repeat(length / shape.length)))
      expect(twice! / once!, JSON.stringify(shape)).toBeLessThan(3)
      expect(twice!, JSON.stringify(shape)).toBeLessThan(6 * 8192)
    }
  })

  it('DOS-10: the scan stops at a number of pairs and at 16 KiB, and says so', () => {
    const pairs = scanCookies('a;'.repeat(8000), OURS)
    expect(pairs).toMatchObject({ isCapped: true, scanned: 2000 })
    const long = scanCookies(`a=${'x'.repeat(17_000)}; ${OURS}=y`, OURS)
    expect(long).toMatchObject({ isCapped: true, scanned: 0, values: [] })
    expect(scanCookies(`${OURS}=y; a=${'x'.repeat(17_000)}`, OURS)).toMatchObject({ isCapped: true, values: ['y'] })
    expect(scanCookies(`${OURS}=y; a=${'x'.repeat(16_000)}`, OURS)).toMatchObject({ isCapped: false, values: ['y'] })
    expect(scanCookies(`${OURS}=${'y'.repeat(17_000)}`, OURS).values).toEqual([])
    expect(scanCookies(`${OURS}=y;`.repeat(100), OURS)).toMatchObject({ isCapped: true, values: Array(8).fill('y') })
  })

  it('DOS-14: our cookie is found behind many others', () => {
    const others = Array.from({ length: 180 }, (_, index) => `c${index}=${'v'.repeat(60)}`).join('; ')
    expect(valuesOf(`${others}; ${OURS}=y`)).toEqual(['y'])
  })
})

describe('writing a Set-Cookie line', () => {
  it('COOKIE-4: what was written is what is read', () => {
    fc.assert(
      fc.property(tokenText, octets, tokenText, octets, (name, value, other, otherValue) => {
        fc.pre(name !== other)
        const line = serializeCookie({ ...base, name, value })
        const pair = line.slice(0, line.indexOf(';'))
        expect(cookieNameOf(line)).toBe(name)
        expect(valuesOf(`${other}=${otherValue}; ${pair}`, name)).toEqual([value])
        expect(valuesOf(`${other}=${otherValue}; ${pair}`, other)).toEqual([otherValue])
      }),
    )
  })

  it('COOKIE-4: each attribute is written once', () => {
    const line = serializeCookie({
      ...base,
      name: '__Secure-id',
      path: '/shop',
      domain: 'shop.example',
      maxAge: 60,
      expires: 60_000,
      partitioned: true,
      priority: 'high',
      sameSite: 'none',
    })
    expect(line).toBe(
      '__Secure-id=abc; Path=/shop; Domain=shop.example; Max-Age=60; Expires=Thu, 01 Jan 1970 00:01:00 GMT; ' +
        'Secure; HttpOnly; SameSite=None; Partitioned; Priority=High',
    )
  })

  it('COOKIE-4 VULN-26: a character that could end the name, the value or an attribute is refused', () => {
    for (const character of hostile) {
      const text = `a${character}b`
      expect(() => serializeCookie({ ...base, name: text })).toThrow(/cookie\.name: expected/)
      expect(() => serializeCookie({ ...base, value: text })).toThrow(/cookie\.value: has/)
      expect(() => serializeCookie({ ...base, name: '__Secure-x', path: `/${text}` })).toThrow(/cookie\.path: expected/)
      expect(() => serializeCookie({ ...base, name: '__Secure-x', domain: text })).toThrow(/cookie\.domain: expected/)
      expect(() => serializeCookie({ ...base, sameSite: `lax${character}` as 'lax' })).toThrow(
        /cookie\.sameSite: expected/,
      )
      expect(() => serializeCookie({ ...base, priority: `low${character}` as 'low' })).toThrow(
        /cookie\.priority: expected/,
      )
    }
    for (const name of ['', 'a=b', '"a"', 'a/b', '(a)', 'a:b']) {
      expect(() => serializeCookie({ ...base, name }), name).toThrow(TypeError)
    }
    for (const domain of ['', '.example.com', 'example.com.', 'a:80', '-a', '[::1]']) {
      expect(() => serializeCookie({ ...base, name: 'x', domain }), domain).toThrow(TypeError)
    }
    expect(() => serializeCookie({ ...base, name: 'x', path: 'shop' })).toThrow(TypeError)
  })

  it('COOKIE-1 ASVS5-3.3.5: name and value of 4096 bytes go out, one more is a typed error', () => {
    const value = 'v'.repeat(4096 - OURS.length)
    expect(serializeCookie({ ...base, value })).toContain(value)
    expect(thrownBy(() => serializeCookie({ ...base, value: `${value}v` }))).toMatchObject({ code: 'too-large' })
    expect(isSessionError(thrownBy(() => serializeCookie({ ...base, value: `${value}v` })))).toBe(true)
    expect(() => serializeCookie({ ...base, name: 'é'.repeat(2000) })).toThrow(/name: expected/)
  })

  it('COOKIE-2: path and domain go up to 1024 bytes', () => {
    const path = `/${'p'.repeat(1023)}`
    const domain = 'd'.repeat(1024)
    const line = serializeCookie({ ...base, name: '__Secure-id', path, domain })
    expect(line).toContain(path)
    expect(line).toContain(domain)
    expect(() => serializeCookie({ ...base, name: '__Secure-id', path: `${path}p` })).toThrow(/path: over 1024/)
    expect(() => serializeCookie({ ...base, name: '__Secure-id', domain: `${domain}d` })).toThrow(/domain: over 1024/)
  })

  it('COOKIE-3: Max-Age is a whole number from zero to 400 days', () => {
    expect(serializeCookie({ ...base, maxAge: 401 * 86_400 })).toContain('Max-Age=34560000;')
    expect(serializeCookie({ ...base, maxAge: 0 })).toContain('Max-Age=0;')
    for (const maxAge of [Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY, 2 ** 60]) {
      expect(() => serializeCookie({ ...base, maxAge }), String(maxAge)).toThrow(/maxAge: expected/)
    }
  })

  it('COOKIE-15: Expires is an IMF-fixdate with a four-digit year', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }), (expires) => {
        const written = /Expires=([^;]*);/.exec(serializeCookie({ ...base, expires }))?.[1] ?? ''
        expect(written).toMatch(/^(Sun|Mon|Tue|Wed|Thu|Fri|Sat), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/)
        expect(Date.parse(written)).toBe(Math.floor(expires / 1000) * 1000)
      }),
    )
    expect(serializeCookie({ ...base, expires: Date.UTC(2039, 0, 2, 3, 4, 5) })).toContain(
      'Sun, 02 Jan 2039 03:04:05 GMT',
    )
    for (const expires of [Number.NaN, Number.POSITIVE_INFINITY, Date.UTC(10_000, 0), Date.UTC(1600, 0)]) {
      expect(() => serializeCookie({ ...base, expires }), String(expires)).toThrow(/expires: expected/)
    }
  })

  it('COOKIE-5 COOKIE-6: each line keeps the rules of its prefix or is never made', () => {
    const names = [
      '__Host-x',
      '__host-x',
      '__HOST-x',
      '__Secure-x',
      '__SECURE-x',
      '__Http-x',
      '__http-x',
      '__Host-Http-x',
      '__host-http-x',
      'x',
    ]
    const cookies = names.flatMap((name) => variantsOf({ ...base, name }))
    const allowed = cookies.filter(isAllowed)
    expect(allowed.length).toBeGreaterThan(100)
    for (const cookie of allowed) {
      const attributes = serializeCookie(cookie).split('; ').slice(1)
      expect(attributes.filter((attribute) => attribute.startsWith('SameSite='))).toHaveLength(1)
      expect(attributes.includes('Secure')).toBe(cookie.secure)
      expect(attributes.includes('HttpOnly')).toBe(cookie.httpOnly)
    }
    for (const cookie of cookies.filter((one) => !isAllowed(one))) {
      expect(() => serializeCookie(cookie), JSON.stringify(cookie)).toThrow(TypeError)
    }
  })

  it('COOKIE-7: a name that looks like a misspelt prefix is refused', () => {
    const misspelt = [
      'Host__x',
      '__Host_x',
      '_Host-x',
      'Host-x',
      '__Hostx',
      '___Host-x',
      '__Host',
      '__HostHttp-x',
      '__secure_x',
      'secure__x',
      '_Secure-x',
      '_http__x',
      'HTTP-x',
    ]
    for (const name of misspelt) expect(() => serializeCookie({ ...base, name }), name).toThrow(/misspelt prefix/)
    for (const name of ['host', 'http_id', 'hostess', '_hosting', 'x__Host-y', 'sessionId', 'connect.sid', '__id']) {
      expect(serializeCookie({ ...base, name }), name).toContain(`${name}=abc`)
    }
    for (const name of ['__Host-', '__Secure-', '__Host-Http-']) {
      expect(() => serializeCookie({ ...base, name }), name).toThrow(/only a prefix/)
    }
  })

  it('COOKIE-12: Partitioned needs Secure', () => {
    expect(serializeCookie({ ...base, partitioned: true })).toMatch(/; Partitioned$/)
    expect(() => serializeCookie({ ...base, name: 'id', secure: false, partitioned: true })).toThrow(
      /partitioned: needs/,
    )
  })
})

describe('merging Set-Cookie lines', () => {
  it('COOKIE-4: two commits leave one line of our name, and lines of others byte for byte', () => {
    const foreign = [
      'theme="dark"; path=/ ;SameSite=lax',
      '=nameless',
      'ID=1',
      'broken',
      'id2=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
    ]
    const first = mergeSetCookie(foreign, ['id=one; Path=/'])
    const second = mergeSetCookie(first, ['id=two; Path=/'])
    expect(second).toEqual([...foreign, 'id=two; Path=/'])
    expect(mergeSetCookie(['a=1', ' id =old', 'b=2'], ['id=new'])).toEqual(['a=1', 'b=2', 'id=new'])
    expect(mergeSetCookie(foreign, ['id=one', 'id=two'])).toEqual([...foreign, 'id=two'])
    expect(mergeSetCookie(foreign, [])).toEqual(foreign)
  })

  it('the name of a line is what stands before its first equals sign', () => {
    expect(cookieNameOf('a=b=c; Path=/')).toBe('a')
    expect(cookieNameOf('\ta =b')).toBe('a')
    expect(cookieNameOf('=b')).toBeUndefined()
    expect(cookieNameOf('b; Path=/')).toBeUndefined()
  })

  it('a prefix is taken off in any spelling, the longest one first', () => {
    expect(['__Host-id', '__SECURE-id', '__http-id', '__Host-Http-id', 'id', '__id'].map(withoutPrefix)).toEqual([
      'id',
      'id',
      'id',
      'id',
      'id',
      '__id',
    ])
  })
})

/** A cookie with every combination of the attributes that prefixes have rules about. */
function variantsOf(cookie: Cookie): readonly Cookie[] {
  const both = [true, false]
  let variants: readonly Cookie[] = [cookie]
  variants = variants.flatMap((one) => both.map((secure) => ({ ...one, secure })))
  variants = variants.flatMap((one) => both.map((httpOnly) => ({ ...one, httpOnly })))
  variants = variants.flatMap((one) => both.map((partitioned) => ({ ...one, partitioned })))
  variants = variants.flatMap((one) => ['/', '/shop'].map((path) => ({ ...one, path })))
  variants = variants.flatMap((one) => [one, { ...one, domain: 'shop.example' }])
  return variants.flatMap((one) => (['lax', 'strict', 'none'] as const).map((sameSite) => ({ ...one, sameSite })))
}

/** The rules of the drafts, written down once more and independently. */
function isAllowed({ name, path, domain, secure, httpOnly, sameSite, partitioned }: Cookie): boolean {
  const lower = name.toLowerCase()
  const isPlainAllowed = !lower.startsWith('__') && sameSite !== 'none' && partitioned !== true
  if (!secure && !isPlainAllowed) return false
  if (!httpOnly && (lower.startsWith('__http-') || lower.startsWith('__host-http-'))) return false
  return !lower.startsWith('__host-') || (path === '/' && domain === undefined)
}

/** RFC 6265bis section 5.6, steps 2 to 4, pair by pair, written to be read and not to be fast. */
function referenceValues(header: string, name: string): readonly string[] {
  return header.split(';').flatMap((pair) => {
    const [left, ...rest] = pair.split('=')
    const trim = (text: string): string => text.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '')
    return rest.length > 0 && trim(left ?? '') === name ? [trim(rest.join('='))] : []
  })
}

/** Counts the characters that a scan looks at, so that no clock decides. */
function workOf(text: string): number {
  let work = 0
  const counting = {
    length: text.length,
    charCodeAt: (at: number) => ((work += 1), text.charCodeAt(at)),
    charAt: (at: number) => ((work += 1), text.charAt(at)),
    slice: (from: number, to: number) => ((work += to - from), text.slice(from, to)),
    startsWith: (part: string, from: number) => {
      let at = 0
      while (at < part.length && text[from + at] === part[at]) at += 1
      work += at + 1
      return at === part.length
    },
    indexOf: (part: string, from: number) => {
      const at = text.indexOf(part, from)
      work += (at < 0 ? text.length : at) - from + 1
      return at
    },
  }
  scanCookies(counting as unknown as string, OURS)
  return work
}

function thrownBy(fn: () => unknown): unknown {
  try {
    fn()
  } catch (error) {
    return error
  }
  return undefined
}
