// 10,000 of them, by RACE_SCHEDULES=10000, take some minutes.
import { randomSchedules } from '../../races/random/schedules.ts'
import { postgresUnderTest } from '../support/networked-stores.ts'

randomSchedules(postgresUnderTest(), { count: 1000, atOnce: 8, emptyBy: 'sweep' })
