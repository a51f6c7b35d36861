import type { Driver } from '../driver.ts'
import { expressDrivers } from './express.ts'
import { fastifyDriver } from './fastify.ts'
import { fetchDrivers } from './fetch.ts'
import { h3Driver } from './h3.ts'
import { honoDriver } from './hono.ts'
import { koaDriver } from './koa.ts'
import { nodeDrivers } from './node.ts'

/** Every front, over every server and every major version that it is for. */
export const drivers: readonly Driver[] = [
  ...nodeDrivers,
  ...expressDrivers,
  fastifyDriver,
  koaDriver,
  honoDriver,
  h3Driver,
  ...fetchDrivers,
]
