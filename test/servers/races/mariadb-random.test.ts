import { randomSchedules } from '../../races/random/schedules.ts'
import { mariadbUnderTest } from '../support/networked-stores.ts'

randomSchedules(mariadbUnderTest(), { count: 2000, atOnce: 8, emptyBy: 'sweep' })
