import { allRaces } from '../../races/suites/all.ts'
import { redisUnderTest } from '../support/networked-stores.ts'

for (const underTest of redisUnderTest('redisCluster')) allRaces(underTest)
