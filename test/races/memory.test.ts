import { memoryUnderTest } from '../support/stores.ts'
import { racesOfOne } from './suites/all.ts'

racesOfOne(memoryUnderTest)
