import { expect, it } from 'vitest'
import { faults } from './application.mjs'

it('has one engine', async () => {
  expect(await faults()).toEqual([])
})
