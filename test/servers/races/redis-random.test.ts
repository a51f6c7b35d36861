// 10,000 of them, by RACE_SCHEDULES=10000, take one or two minutes.
import { randomSchedules } from '../../races/random/schedules.ts'
import { redisUnderTest } from '../support/networked-stores.ts'

for (const underTest of redisUnderTest('redis')) {
  randomSchedules(underTest, { count: 2000, atOnce: 8, emptyBy: 'sweep' })
}
