import { randomSchedules } from '../../races/random/schedules.ts'
import { redisUnderTest } from '../support/networked-stores.ts'

for (const underTest of redisUnderTest('redisCluster')) {
  randomSchedules(underTest, { count: 2000, atOnce: 2, emptyBy: 'sweep' })
}
