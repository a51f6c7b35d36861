import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { StrictOptions } from './strict.ts'
import { strictData } from './strict.ts'

function view(data: Record<string, unknown>, options: Partial<StrictOptions> = {}): Record<string, unknown> {
  return strictData({ data }, { kind: 'item', name: 'data', ask: 'in', ...options })
}

describe('strict data', () => {
  it('is read and changed like the data itself', () => {
    const data: Record<string, unknown> = { a: 1 }
    const strict = view(data)
    strict['b'] = { deep: [1] }
    delete strict['a']
    expect(data).toEqual({ b: { deep: [1] } })
    expect([strict['b'], 'b' in strict, 'a' in strict, Object.keys(strict)]).toEqual([
      { deep: [1] },
      true,
      false,
      ['b'],
    ])
    expect({ ...strict }).toEqual(data)
  })

  it('throws for what is not there, and not for what is there and undefined', () => {
    const strict = view({ known: undefined })
    expect(strict['known']).toBe(undefined)
    expect(() => strict['unknown']).toThrow(new RangeError('data: there is no "unknown"; ask with in'))
    expect(() => view({}, { kind: 'attribute' })['unknown']).toThrow(ReferenceError)
  })

  it('has no keys but its own as a dictionary, and what every object has as an object', () => {
    for (const key of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      expect(() => view({})[key], key).toThrow(RangeError)
      expect(key in view({}), key).toBe(false)
      expect(() => view({}, { kind: 'attribute' })[key], key).not.toThrow()
    }
  })

  it('can be awaited, turned into JSON and printed', async () => {
    const strict = view({ a: 1 })
    expect(await Promise.resolve(strict)).toBe(strict)
    expect(JSON.stringify(strict)).toBe('{"a":1}')
    expect(inspect(strict)).toBe('{ a: 1 }')
    expect(typeof view({}, { kind: 'attribute' })['toString']).toBe('function')
  })

  it('replaces no prototype, and takes no symbol as a key', () => {
    const data: Record<string, unknown> = {}
    view(data)['__proto__'] = { admin: true }
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype)
    expect(() => Reflect.set(view(data), Symbol('key'), 1)).toThrow(TypeError)
  })

  it('keeps the names of what stands beside it', () => {
    const data: Record<string, unknown> = {}
    const strict = view(data, { members: { close: () => 'closed' } })
    expect(Reflect.apply(strict['close'] as () => string, undefined, [])).toBe('closed')
    expect(() => (strict['close'] = 1)).toThrow(/the name close is taken/)
    expect(data).toEqual({})
    data['close'] = 'stored by other ways'
    expect(typeof strict['close']).toBe('function')
  })

  it('refuses at the assignment what the session cannot keep', () => {
    const data: Record<string, unknown> = {}
    const strict = view(data, {
      accept: (key, value) => {
        if (typeof value === 'function') throw new TypeError(`bad type for ${key}`)
      },
    })
    expect(() => (strict['f'] = () => 1)).toThrow(/bad type for f/)
    expect(data).toEqual({})
  })
})
