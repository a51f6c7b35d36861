import { expect, it } from 'vitest'
import { createPlace } from './place.ts'

const PATIENCE = 60_000

it('gives each ending once, and reads nothing again as long as no id is missing', () => {
  const place = createPlace(10, PATIENCE)
  expect(place.fresh([11, 12, 13], 0)).toEqual([11, 12, 13])
  expect(place.after).toBe(13)
  expect(place.fresh([], 1)).toEqual([])
  expect(place.fresh([14], 2)).toEqual([14])
  expect(place.after).toBe(14)
})

it('looks again for an id that is missing, and gives it when it comes', () => {
  const place = createPlace(10, PATIENCE)
  expect(place.fresh([12, 14], 0)).toEqual([12, 14])
  expect(place.after).toBe(10)
  expect(place.fresh([11, 12, 14], 1)).toEqual([11])
  expect(place.after).toBe(12)
  expect(place.fresh([13, 14], PATIENCE)).toEqual([13])
  expect(place.after).toBe(14)
})

it('gives a missing id up after its patience, for what was rolled back never comes', () => {
  const place = createPlace(10, PATIENCE)
  place.fresh([12], 0)
  place.fresh([12, 15], 1000)
  expect(place.fresh([12, 15], PATIENCE - 1)).toEqual([])
  expect(place.after).toBe(10)
  expect(place.fresh([12, 15], PATIENCE)).toEqual([])
  expect(place.after).toBe(12)
  expect(place.fresh([15, 16], PATIENCE + 1000)).toEqual([16])
  expect(place.after).toBe(16)
})
