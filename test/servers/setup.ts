import type { TestProject } from 'vitest/node'
import { prepareParts } from '../../scripts/parts.ts'
import { startMariadb } from '../../scripts/servers/mariadb.ts'
import { startPostgres } from '../../scripts/servers/postgres.ts'
import { startRedisCluster } from '../../scripts/servers/redis-cluster.ts'
import { startRedis } from '../../scripts/servers/redis.ts'
import { MissingPartError } from '../../scripts/servers/server.ts'

/** Where a server of this run is, or why there is none. */
export type SharedServer = { readonly url: string } | { readonly missing: string }

export type SharedServerName = keyof typeof starters

declare module 'vitest' {
  export interface ProvidedContext extends Record<SharedServerName, SharedServer> {}
}

interface Started {
  readonly url: string
  stop(): Promise<void>
}

const starters = {
  postgres: () => startPostgres(),
  mariadb: () => startMariadb(),
  redis: () => startRedis(),
  redisCluster: () => startRedisCluster(),
} as const

/** Starts the servers that all tests of this folder share; `SERVERS=postgres,redis` starts only these. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const names = Object.keys(starters) as SharedServerName[]
  const wanted = process.env['SERVERS']?.split(',').filter((name) => name !== '')
  const unknown = wanted?.find((name) => !names.some((known) => known === name))
  if (unknown !== undefined) throw new Error(`SERVERS: there is no ${unknown}; there are ${names.join(', ')}`)
  const started: Started[] = []
  const stop = async (): Promise<void> => void (await Promise.all(started.map((server) => server.stop())))
  const start = async (name: SharedServerName): Promise<void> => {
    if (wanted !== undefined && !wanted.includes(name)) {
      return project.provide(name, { missing: `SERVERS leaves out ${name}` })
    }
    try {
      const server = await starters[name]()
      started.push(server)
      project.provide(name, { url: server.url })
    } catch (error) {
      if (!(error instanceof MissingPartError)) throw error
      project.provide(name, { missing: error.message })
    }
  }
  // What single files start. The servers themselves install what they need.
  await prepareParts(['pgbouncer', 'chromium'])
  const outcomes = await Promise.allSettled(names.map(start))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed === undefined) return stop
  await stop()
  throw failed.reason
}
