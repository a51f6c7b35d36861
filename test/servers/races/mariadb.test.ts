import { allRaces } from '../../races/suites/all.ts'
import { mariadbUnderTest } from '../support/networked-stores.ts'

allRaces(mariadbUnderTest())
