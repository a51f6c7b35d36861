import { randomSchedules } from '../../races/random/schedules.ts'
import { postgresUnderTest } from '../support/networked-stores.ts'

randomSchedules(postgresUnderTest(), { count: 2000, atOnce: 8, emptyBy: 'sweep' })
