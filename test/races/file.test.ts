import { fileUnderTest } from '../support/stores.ts'
import { allRaces } from './suites/all.ts'

allRaces(fileUnderTest)
