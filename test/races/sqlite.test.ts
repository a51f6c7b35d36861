import { sqliteUnderTest } from '../support/stores.ts'
import { allRaces } from './suites/all.ts'

allRaces(sqliteUnderTest)
