import { allRaces } from '../../races/suites/all.ts'
import { postgresUnderTest } from '../support/networked-stores.ts'

allRaces(postgresUnderTest())
