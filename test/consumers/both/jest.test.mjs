import { expect, it } from '@jest/globals'
import { faults } from './application.mjs'

it('has one engine', async () => {
  expect(await faults()).toEqual([])
})
