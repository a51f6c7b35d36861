import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { expressDrivers } from './drivers/express.ts'
import { fetchDrivers } from './drivers/fetch.ts'
import { nodeDrivers } from './drivers/node.ts'
import { frontCases, play } from './table.ts'

// What the fronts tell the console about errors that the cases cause on purpose.
beforeAll(() => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
})
afterAll(() => {
  vi.restoreAllMocks()
})

for (const driver of [...nodeDrivers, ...expressDrivers, ...fetchDrivers]) {
  describe(`${driver.name}`, () => {
    for (const frontCase of frontCases()) {
      it(`${frontCase.name}`, async () => {
        const rejections: unknown[] = []
        const note = (reason: unknown): void => {
          rejections.push(reason)
        }
        process.on('unhandledRejection', note)
        try {
          await play(driver, frontCase)
        } finally {
          process.off('unhandledRejection', note)
        }
        expect(rejections).toEqual([])
      })
    }
  })
}
