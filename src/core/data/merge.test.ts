import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSame, mergeData } from './merge.ts'

const data = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', 'd'),
  fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.integer({ min: 0, max: 3 }),
      fc.constantFrom('x', 'y', null, true),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
    ),
  })).value,
  { maxKeys: 4, noNullPrototype: true },
)

const merged = (base: unknown, mine: unknown, theirs: unknown): unknown => mergeData(base, mine, theirs).value

describe('three-way merge, as laws', () => {
  it('RACE-1: where only one side changed anything, the result is that side', () => {
    fc.assert(
      fc.property(data, data, (base, other) => {
        expect(merged(base, other, base)).toEqual(other)
        expect(merged(base, base, other)).toEqual(other)
        expect(mergeData(base, other, base).clashes).toEqual([])
        expect(mergeData(base, base, other).clashes).toEqual([])
      }),
      { numRuns: 2000 },
    )
  })

  it('RACE-1: two sides that set the same agree', () => {
    fc.assert(
      fc.property(data, (both) => {
        expect(mergeData({}, both, structuredClone(both))).toEqual({ value: both, clashes: [] })
      }),
    )
  })

  it('RACE-1: two sides that append the same thing to a list have appended it twice', () => {
    const line = { product: 7 }
    expect(mergeData({ cart: [] }, { cart: [line] }, { cart: [line] })).toEqual({
      value: { cart: [line, line] },
      clashes: [],
    })
    expect(mergeData({}, { cart: [line] }, { cart: [line] })).toEqual({ value: { cart: [line] }, clashes: [] })
    expect(mergeData({ n: 1 }, { n: 2 }, { n: 2 })).toEqual({ value: { n: 2 }, clashes: [] })
  })

  it('RACE-1 K20: changes at different keys are both kept, whatever they are', () => {
    fc.assert(
      fc.property(data, data, data, (base, mine, theirs) => {
        const [left, right] = [
          { ...base, mine: mine['a'] ?? 0 },
          { ...base, theirs: theirs['b'] ?? 0 },
        ]
        const { value, clashes } = mergeData(base, left, right)
        expect(value).toEqual({ ...left, ...right })
        expect(clashes).toEqual([])
      }),
      { numRuns: 1000 },
    )
  })

  it('no merge fails, invents a key, or leaves out one that both sides have', () => {
    fc.assert(
      fc.property(data, data, data, (base, mine, theirs) => {
        const keys = Object.keys(merged(base, mine, theirs) as object)
        for (const key of keys) expect(key in mine || key in theirs).toBe(true)
        for (const key of Object.keys(mine)) if (key in theirs) expect(keys).toContain(key)
      }),
      { numRuns: 2000 },
    )
  })

  it('a path on which the sides differ is reported, and nothing else is', () => {
    fc.assert(
      fc.property(data, data, data, (base, mine, theirs) => {
        // With no clash the order of the commits does not matter, but for the order of tails.
        const there = mergeData(base, mine, theirs)
        const back = mergeData(base, theirs, mine)
        expect([...there.clashes].toSorted()).toEqual([...back.clashes].toSorted())
      }),
      { numRuns: 2000 },
    )
  })

  it('a merge changes none of its three sides', () => {
    fc.assert(
      fc.property(data, data, data, (base, mine, theirs) => {
        const copies = structuredClone([base, mine, theirs])
        mergeData(base, mine, theirs)
        expect([base, mine, theirs]).toEqual(copies)
      }),
    )
  })
})

describe('three-way merge, by example', () => {
  it('lists to which both sides appended keep both tails, the stored one first', () => {
    expect(merged({ log: [1] }, { log: [1, 'mine'] }, { log: [1, 'theirs'] })).toEqual({ log: [1, 'theirs', 'mine'] })
    expect(merged({}, { log: ['mine'] }, { log: ['theirs'] })).toEqual({ log: ['theirs', 'mine'] })
  })

  it('a list that one side rewrote is a clash, and the later commit wins', () => {
    expect(mergeData({ a: { l: [1, 2] } }, { a: { l: [2] } }, { a: { l: [1, 2, 3] } })).toEqual({
      value: { a: { l: [2] } },
      clashes: ['a.l'],
    })
  })

  it('one path changed to two values is reported with its path', () => {
    expect(mergeData({ n: 1, o: { p: 1, q: 1 } }, { n: 2, o: { p: 2, q: 1 } }, { n: 3, o: { p: 1, q: 3 } })).toEqual({
      value: { n: 2, o: { p: 2, q: 3 } },
      clashes: ['n'],
    })
  })

  it('what one side deleted and the other left alone is gone', () => {
    expect(merged({ a: 1, b: 2 }, { b: 2 }, { a: 1, b: 2, c: 3 })).toEqual({ b: 2, c: 3 })
    expect(merged({ a: 1, b: 2 }, { a: 1, b: 2, c: 3 }, { b: 2 })).toEqual({ b: 2, c: 3 })
  })

  it('what one side deleted and the other changed is a clash that the later commit wins', () => {
    expect(mergeData({ a: 1 }, {}, { a: 2 })).toEqual({ value: {}, clashes: ['a'] })
    expect(mergeData({ a: 1 }, { a: 2 }, {})).toEqual({ value: { a: 2 }, clashes: ['a'] })
  })

  it('dates of a richer codec are compared by what the codec makes of them', () => {
    const at = (year: number): { at: Date; n?: number } => ({ at: new Date(Date.UTC(year, 0)) })
    const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
    expect(mergeData(at(2026), at(2026), at(2027), isEqual)).toEqual({ value: at(2027), clashes: [] })
    expect(mergeData(at(2026), at(2027), { ...at(2026), n: 1 }, isEqual)).toEqual({
      value: { ...at(2027), n: 1 },
      clashes: [],
    })
    expect(mergeData(at(2026), at(2027), at(2028), isEqual)).toEqual({ value: at(2027), clashes: ['at'] })
  })

  it('two values say the same when their contents do', () => {
    expect(isSame({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toBe(true)
    expect(isSame({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(true)
    expect(isSame([], {})).toBe(false)
    expect(isSame({ a: undefined }, { b: undefined })).toBe(false)
    expect(isSame(null, {})).toBe(false)
  })
})
