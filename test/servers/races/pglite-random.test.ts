// 10,000 of them, by RACE_SCHEDULES=10000, take some minutes.
import { randomSchedules } from '../../races/random/schedules.ts'
import { pgliteUnderTest } from '../support/networked-stores.ts'

randomSchedules(pgliteUnderTest(), { count: 500, atOnce: 1, emptyBy: 'sweep' })
