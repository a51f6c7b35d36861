import { mariadbRig } from './mariadb.ts'
import { postgresRig } from './postgres.ts'
import { redisClusterRig } from './redis-cluster.ts'
import { redisRig } from './redis.ts'
import type { Rig, RigOptions } from './rig.ts'
import { sqliteRig } from './sqlite.ts'

/** Every backend that a campaign can be led against, by name. */
export const rigs: Readonly<Record<string, (options: RigOptions) => Promise<Rig>>> = {
  postgres: postgresRig,
  mysql: mariadbRig,
  redis: redisRig,
  'redis-cluster': redisClusterRig,
  sqlite: sqliteRig,
}
