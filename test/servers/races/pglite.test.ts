import { allRaces } from '../../races/suites/all.ts'
import { pgliteUnderTest } from '../support/networked-stores.ts'

allRaces(pgliteUnderTest())
