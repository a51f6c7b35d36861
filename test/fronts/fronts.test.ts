import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { drivers } from './drivers/all.ts'
import { watchRejections } from './rejections.ts'
import { frontCases, play } from './table.ts'

// What the fronts tell the console about errors that the cases cause on purpose.
beforeAll(() => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
})
afterAll(() => {
  vi.restoreAllMocks()
})

describe.each(drivers)('$name', (driver) => {
  it.each(frontCases().filter(({ title }) => driver.leavesOut?.[title] === undefined))('$name', async (frontCase) => {
    const rejections = watchRejections()
    await play(driver, frontCase)
    expect(rejections()).toEqual([])
  })
})
