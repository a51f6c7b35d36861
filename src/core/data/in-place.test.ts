import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { replaceContents } from './in-place.ts'

describe('replacing contents in place', () => {
  it('afterwards the target says what the source says', () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }), { noNullPrototype: true })
    fc.assert(
      fc.property(object, object, (target, source) => {
        const expected = structuredClone(source)
        replaceContents(target, source)
        expect(target).toEqual(expected)
      }),
      { numRuns: 2000 },
    )
  })

  it('objects and lists keep their identity where the kinds fit', () => {
    const target = { user: { name: 'Ann', tags: ['a'] }, cart: [{ id: 1, n: 1 }] }
    const { user, cart } = target
    const [line] = cart
    replaceContents(target, { user: { name: 'Bob', tags: ['a', 'b'] }, cart: [{ id: 1, n: 2 }] })
    expect(target.user).toBe(user)
    expect(user).toEqual({ name: 'Bob', tags: ['a', 'b'] })
    expect(target.cart).toBe(cart)
    expect(cart[0]).toBe(line)
    expect(line).toEqual({ id: 1, n: 2 })
  })

  it('in a list that grew or shrank an item never turns into another one', () => {
    const target = { cart: [{ id: 1 }, { id: 2 }, { id: 3 }] }
    const [first, second] = target.cart
    replaceContents(target, { cart: [{ id: 1 }, { id: 3 }] })
    expect(target.cart[0]).toBe(first)
    expect(second).toEqual({ id: 2 })
    expect(target.cart).toEqual([{ id: 1 }, { id: 3 }])
  })

  it('one object at two places becomes two, each with its own contents', () => {
    const shared = { n: 0 }
    const target = { a: shared, b: shared }
    replaceContents(target, { a: { n: 1 }, b: { n: 2 } })
    expect(target).toEqual({ a: { n: 1 }, b: { n: 2 } })
  })

  it('frozen parts and instances of classes are replaced as a whole', () => {
    const target = { frozen: Object.freeze({ n: 1 }), at: new Date(0) }
    replaceContents(target, { frozen: { n: 2 }, at: new Date(1) })
    expect(target).toEqual({ frozen: { n: 2 }, at: new Date(1) })
  })

  it('DOS-9: a hostile key becomes an own key, and replaces no prototype', () => {
    const target = {}
    replaceContents(target, JSON.parse('{"__proto__":{"isAdmin":true}}') as object)
    expect(Object.getPrototypeOf(target)).toBe(Object.prototype)
    expect(Object.keys(target)).toEqual(['__proto__'])
  })
})
