import { AsyncLocalStorage } from 'node:async_hooks'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { bed, newClient } from '../../../test/support/bed.ts'
import { jsonCodec, strictCodec } from './codec.ts'
import { mergeData } from './merge.ts'

const codec = strictCodec({ depth: 32, keys: 1000 })
const lenient = jsonCodec({ depth: 32, keys: 1000 })

function nested(levels: number): unknown {
  let value: unknown = 'core'
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? { in: value } : [value]
  return value
}

class Cart {
  readonly lines = 1
}

class Lines extends Array<string> {}

/** Fails with this message when the value goes through, or is refused otherwise. */
function refusalOf(value: unknown, by = codec): { code: unknown; message: string } {
  try {
    by.encode(value)
  } catch (error) {
    return error as { code: unknown; message: string }
  }
  return { code: 'none', message: 'was accepted' }
}

describe('values that JSON would change', () => {
  const cyclic: Record<string, unknown> = { a: { b: [1] } }
  cyclic['a'] = { b: [1, cyclic] }
  const refused: readonly (readonly [string, unknown, RegExp])[] = [
    ['undefined in a list', { a: [1, undefined] }, /data\.a\[1\] is undefined/],
    ['a hole in a list', { a: Array.from({ length: 2 }) }, /data\.a\[0\] is undefined/],
    ['NaN', { a: [{ b: Number.NaN }] }, /data\.a\[0\]\.b is NaN/],
    ['Infinity', { a: Infinity }, /data\.a is Infinity/],
    ['-Infinity', { a: -Infinity }, /data\.a is -Infinity/],
    ['a BigInt', { a: 1n }, /data\.a is a bigint/],
    ['a function', { a: () => 1 }, /data\.a is a function/],
    ['a function named toJSON', { toJSON: () => 'changed' }, /data\.toJSON is a function/],
    ['a symbol', { a: Symbol('s') }, /data\.a is a symbol/],
    ['a symbol as a key', { a: { [Symbol('s')]: 1 } }, /data\.a has a symbol as a key/],
    ['a Map', { a: new Map([[1, 2]]) }, /data\.a is a Map/],
    ['a Set', { a: new Set([1]) }, /data\.a is a Set/],
    ['a class instance', { cart: new Cart() }, /data\.cart is a Cart/],
    ['a list of another class', { cart: Lines.of('tea') }, /data\.cart is a Lines/],
    ['a list with keys of its own', { m: 'ab'.match(/b/) }, /data\.m has keys beside its items/],
    ['bytes', { a: new Uint8Array(2) }, /data\.a is a Uint8Array/],
    ['a boxed string', { a: Object('s') as unknown }, /data\.a is a String/],
    ['a cycle', cyclic, /data.* contains itself/],
    ['the key __proto__', JSON.parse('{"a":{"__proto__":{"x":1}}}'), /data\.a has the key "__proto__"/],
  ]
  for (const [name, value, message] of refused) {
    it(`STORE-15: ${name} is refused with the path of its key, by both codecs`, () => {
      for (const by of [codec, lenient]) {
        const error = refusalOf(value, by)
        expect(error.message).toMatch(message)
        expect(error.code).toBe('not-encodable')
      }
    })
  }

  const strictly: readonly (readonly [string, unknown, RegExp])[] = [
    ['undefined', { a: { b: undefined } }, /data\.a\.b is undefined/],
    ['-0', { a: -0 }, /data\.a is -0/],
    ['a Date', { 'last seen': new Date(0) }, /data\["last seen"\] is a Date/],
  ]
  for (const [name, value, message] of strictly) {
    it(`STORE-15: ${name} is refused with the path of its key by the strict codec`, () => {
      expect(refusalOf(value)).toMatchObject({ code: 'not-encodable' })
      expect(refusalOf(value).message).toMatch(message)
    })
  }

  it('an optional field that is not set, a time and -0 are no error that depends on the visitor (F13)', () => {
    const at = new Date(Date.UTC(2026, 0, 5, 12, 30, 0, 7))
    const value = { a: undefined, b: { c: undefined, d: 1 }, at, list: [at, -0, { e: undefined }] }
    expect(lenient.decode(lenient.encode(value))).toStrictEqual({
      b: { d: 1 },
      at: '2026-01-05T12:30:00.007Z',
      list: ['2026-01-05T12:30:00.007Z', 0, {}],
    })
  })

  it('a Date that JSON would not write as its time is refused', () => {
    const odd = Object.assign(new Date(0), { toJSON: () => 'soon' })
    expect(refusalOf({ at: odd }, lenient).message).toMatch(/data\.at is a Date with a toJSON/)
    expect(refusalOf({ at: new Date(Number.NaN) }, lenient).message).toMatch(/data\.at is an invalid Date/)
  })

  const kept: readonly (readonly [string, unknown])[] = [
    ['lone surrogates', { text: '\ud800 and \udfff', '\udc00': 1 }],
    ['the character U+0000', { text: 'a\u0000b', 'k\u0000': '\u0000' }],
    ['line separators, quotes and backslashes', { text: '\u2028\u2029"\\/\b\f' }],
    ['the empty string, the empty key, empty lists and objects', { '': '', a: [], b: {} }],
    ['the largest, the smallest and the least precise number', { a: Number.MAX_VALUE, b: 5e-324, c: 0.1 + 0.2 }],
    ['null and booleans', { a: null, b: [true, false, null] }],
    ['keys named like built-in things', { constructor: 1, prototype: 2, toString: 3, hasOwnProperty: 4, length: 5 }],
    ['keys that look like positions', { '2': 'b', '10': 'a', x: { '0': 1 } }],
  ]
  for (const [name, value] of kept) {
    it(`STORE-15 VULN-18: ${name} come back exactly`, () => {
      expect(codec.decode(codec.encode(value))).toEqual(value)
    })
  }

  it('STORE-15: whatever JSON can hold comes back deeply equal', () => {
    const values = fc.jsonValue({ maxDepth: 6 }).filter((value) => refusalOf(value).code === 'none')
    fc.assert(
      fc.property(values, (value) => {
        expect(codec.decode(codec.encode(value))).toStrictEqual(value)
      }),
      { numRuns: 2000 },
    )
  })

  it('STORE-15: any value at all comes back deeply equal or is refused with a typed error', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withNullPrototype: true,
    })
    fc.assert(
      fc.property(anything, (value) => {
        const { code } = refusalOf(value)
        if (code === 'none') expect(codec.decode(codec.encode(value))).toEqual(value)
        else expect(['not-encodable', 'too-large']).toContain(code)
      }),
      { numRuns: 2000 },
    )
  })

  it('an object without a prototype is as good as a plain one', () => {
    const bare: unknown = Object.assign(Object.create(null) as object, { a: 1 })
    expect(codec.decode(codec.encode({ bare }))).toEqual({ bare: { a: 1 } })
  })
})

describe('shapes that are dangerous to walk', () => {
  it('DOS-7 VULN-34: data nested 5,000 levels deep is a typed error and no RangeError', () => {
    expect(refusalOf(nested(5000))).toMatchObject({ code: 'too-large' })
    expect(refusalOf(nested(5000)).message).toMatch(/is nested deeper than 32 levels/)
    expect(refusalOf(nested(200_000))).toMatchObject({ code: 'too-large' })
  })

  it('DOS-7 VULN-34: the same inside a request, where an overflow could end the process', () => {
    const storage = new AsyncLocalStorage<number>()
    expect(storage.run(1, () => refusalOf(nested(5000)).code)).toBe('too-large')
  })

  it('DOS-7: 32 levels are accepted and 33 are not', () => {
    expect(refusalOf(nested(32)).code).toBe('none')
    expect(refusalOf(nested(33)).code).toBe('too-large')
  })

  it('DOS-7: a cycle is told from depth, also a long one', () => {
    interface Link {
      next?: Link
    }
    const ring: Link = {}
    let last = ring
    for (let i = 0; i < 100; i++) last = last.next = {}
    last.next = ring
    expect(refusalOf(ring)).toMatchObject({ code: 'not-encodable' })
  })

  it('DOS-7: data that shares its parts a trillion times over is refused at once', () => {
    let shared: unknown = {}
    for (let i = 0; i < 40; i++) shared = { a: shared, b: shared }
    expect(refusalOf(shared)).toMatchObject({ code: 'too-large' })
  })

  it('DOS-8 VULN-34: a hundred thousand keys that look like integers are refused before anything is turned into text', () => {
    const keys = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [String(i), { toJSON: 0 }]))
    expect(refusalOf({ a: keys }).code).toBe('too-large')
    expect(refusalOf({ a: keys }).message).toMatch(/more than 1000 keys/)
  })

  it('DOS-8: a thousand keys are accepted, in every object of the data', () => {
    const full = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [String(i), 1]))
    expect(refusalOf({ a: full, b: [full] }).code).toBe('none')
    expect(refusalOf({ a: { ...full, more: 1 } }).code).toBe('too-large')
  })
})

describe('hostile keys', () => {
  const hostile = '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}'

  afterEach(() => {
    expect(Reflect.get({}, 'isAdmin'), 'a prototype was polluted').toBeUndefined()
  })

  it('DOS-9 VULN-33: a stored __proto__ is refused, however it is spelt', () => {
    for (const text of [
      hostile,
      '{"a":[{"__proto__":{"isAdmin":true}}]}',
      String.raw`{"\u005f_proto__":{"isAdmin":true}}`,
      String.raw`{"__\u0070rot\u006F__":{"isAdmin":true}}`,
    ]) {
      expect(() => codec.decode(text), text).toThrow(/__proto__/)
    }
    expect(codec.decode('{"text":"__proto__ is only a word here"}')).toEqual({ text: '__proto__ is only a word here' })
  })

  it('DOS-9 VULN-33: a merge keeps hostile keys as data, and changes no prototype', () => {
    const parsed: unknown = JSON.parse(hostile)
    const { value } = mergeData({}, parsed, { kept: 1 })
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(Reflect.get(Object(value) as object, 'isAdmin')).toBeUndefined()
    expect(Object.keys(Object(value) as object)).toEqual(['kept', '__proto__', 'constructor'])
  })

  it('DOS-9 VULN-18 ASVS5-15.3.6: hostile keys through set, get, the store and the next request give nobody anything', async () => {
    const { visit, open } = bed()
    const client = newClient()
    await visit(client, (session) => {
      session.set('constructor', { prototype: { isAdmin: true } })
      session.set('a.b|c;d', 'separators')
      session.set('', 'empty')
    })
    const session = await open(client)
    expect(session.get('isAdmin')).toBeUndefined()
    expect(session.get('toString')).toBeUndefined()
    expect(session.has('hasOwnProperty')).toBe(false)
    expect(Object.getPrototypeOf(session.data)).toBe(Object.prototype)
    expect({ ...session.data }).toEqual({
      constructor: { prototype: { isAdmin: true } },
      'a.b|c;d': 'separators',
      '': 'empty',
    })
  })

  it('DOS-9: __proto__ as a key of the session replaces no prototype, and is refused at the save', async () => {
    const { open } = bed()
    const session = await open(newClient())
    session.set('__proto__', { isAdmin: true })
    expect(session.get('isAdmin')).toBeUndefined()
    expect(Object.getPrototypeOf(session.data)).toBe(Object.prototype)
    await expect(session.save()).rejects.toMatchObject({ code: 'not-encodable' })
  })

  it('DOS-9: a form body that was parsed from JSON is refused with its path', async () => {
    const { open } = bed()
    const session = await open(newClient())
    session.data['form'] = JSON.parse(hostile) as unknown
    await expect(session.save()).rejects.toThrow(/data\.form has the key "__proto__"/)
  })
})
