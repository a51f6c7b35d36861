import { expect, it } from 'vitest'
import { slotOf } from './slots.ts'

it('finds the slot that the servers find', () => {
  // What CLUSTER KEYSLOT answers.
  expect(['{123456789}', 'a:{AA}c.x', '{zz}', '{-_}:epoch'].map(slotOf)).toEqual([12739, 9752, 14415, 7072])
})
