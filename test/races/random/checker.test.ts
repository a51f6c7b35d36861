import { describe, expect, it } from 'vitest'
import { wrongStores } from '../../../src/testing/index.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import type { FullStore } from '../../support/stores.ts'
import { brokenOnes } from './broken.ts'
import { violationsOf } from './check/check.ts'
import { play, scheduleClock } from './schedule.ts'
import type { Sabotage } from './world.ts'

/** More than any of them needs; where a fault shows late, that many schedules pass before. */
const PATIENCE = 1500
const SEED = 7000

/** The first violation that fits, over as many schedules as it takes. */
async function found(
  make: (now: () => number) => FullStore,
  says: RegExp,
  sabotage?: Sabotage,
): Promise<string | undefined> {
  for (let i = 0; i < PATIENCE; i++) {
    const clock = scheduleClock()
    const played = await play(SEED + i, { store: make(clock.now), clock }, sabotage)
    const violation = (await violationsOf(played)).find((text) => says.test(text))
    if (violation !== undefined) return violation
  }
  return undefined
}

/** Stores of the kit whose fault a visitor of some schedule can come across. */
const noticed: ReadonlySet<string> = new Set([
  'update inserts when nothing is there',
  'update does not look at the version',
  'a conflict hands over the record that the caller brought',
  'touch revives what has expired and lengthens marks',
  'touch counts as a new version',
  'a record is there until a sweep takes it',
  'an update leaves the deadline where it was',
  'delete always answers true',
  'delete ignores the mark',
  'rotate inserts the new record and then removes the old one',
  'rotate inserts the new record whether or not the old one is still there',
  'rotate does not look at the version',
  'rotate leaves no mark',
  'rotate leaves the mark for ever',
  'rotate keeps the old data under the new key',
  'rotate keeps the old subject',
  'the index of subjects keeps what the record was at its insertion',
  'ending one session by its handle only takes it off the list',
  'ending all sessions ends everybody',
  'ending all sessions ends the excepted one too',
  'no limit is applied',
  'a limit always refuses',
])

describe('the checker of the random schedules sees what is wrong', () => {
  it.each(brokenOnes)('RACE-1: it sees that $name', async ({ says, ...sabotage }) => {
    expect(await found((now) => memoryStore({ now }), says, sabotage)).toMatch(says)
  })

  it.each(wrongStores.filter(({ name }) => noticed.has(name)))(
    'RACE-14: it sees that a store is wrong: $name',
    async ({ make }) => {
      expect(await found((now) => make(now) as FullStore, /./)).toBeDefined()
    },
  )

  it('every store in the list of those to notice is one of the kit', () => {
    const names = new Set(wrongStores.map(({ name }) => name))
    expect([...noticed].filter((name) => !names.has(name))).toEqual([])
  })
})
