import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { expressDrivers } from './drivers/express.ts'
import { fetchDrivers } from './drivers/fetch.ts'
import { nodeDrivers } from './drivers/node.ts'
import { watchRejections } from './rejections.ts'
import { frontCases, play } from './table.ts'

// What the fronts tell the console about errors that the cases cause on purpose.
beforeAll(() => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
})
afterAll(() => {
  vi.restoreAllMocks()
})

describe.each([...nodeDrivers, ...expressDrivers, ...fetchDrivers])('$name', (driver) => {
  it.each(frontCases())('$name', async (frontCase) => {
    const rejections = watchRejections()
    await play(driver, frontCase)
    expect(rejections()).toEqual([])
  })
})
