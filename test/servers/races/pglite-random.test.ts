import { randomSchedules } from '../../races/random/schedules.ts'
import { pgliteUnderTest } from '../support/networked-stores.ts'

randomSchedules(pgliteUnderTest(), { count: 2000, atOnce: 1, emptyBy: 'sweep' })
