import { expect, it } from '@jest/globals'
import { twoVisits } from './application'

it('counts the visits of one client', async () => {
  expect(await twoVisits()).toEqual(['Visit 1', 'Visit 2'])
})
