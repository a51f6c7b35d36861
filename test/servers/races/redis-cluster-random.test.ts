// 10,000 of them, by RACE_SCHEDULES=10000, take some minutes: where all sessions end, a Cluster is told 4096 times.
import { randomSchedules } from '../../races/random/schedules.ts'
import { redisUnderTest } from '../support/networked-stores.ts'

for (const underTest of redisUnderTest('redisCluster')) {
  randomSchedules(underTest, { count: 300, atOnce: 2, emptyBy: 'sweep' })
}
