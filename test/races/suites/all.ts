import type { StoreUnderTest } from '../../support/stores.ts'
import { racesOn } from '../lab.ts'
import { againRaces } from './again.ts'
import { clockRaces } from './clocks.ts'
import { endRaces } from './ends.ts'
import { hotRaces } from './hot.ts'
import { repeatedRaces } from './repeated.ts'
import { responseRaces } from './responses.ts'
import { rotationRaces } from './rotation.ts'
import { saveRaces } from './saves.ts'

/** Every race that needs one process only. */
export function racesOfOne(underTest: StoreUnderTest): void {
  const race = racesOn(underTest)
  saveRaces(race)
  rotationRaces(race)
  againRaces(race)
  endRaces(race)
  hotRaces(race)
  responseRaces(race)
  repeatedRaces(race)
}

/** Every race, for a store that processes share. */
export function allRaces(underTest: StoreUnderTest): void {
  racesOfOne(underTest)
  clockRaces(racesOn(underTest))
}
