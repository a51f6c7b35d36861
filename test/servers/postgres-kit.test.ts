import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPgbouncer } from '../../scripts/servers/pgbouncer.ts'
import { startPostgres } from '../../scripts/servers/postgres.ts'
import type { Server } from '../../scripts/servers/server.ts'
import { MissingPartError } from '../../scripts/servers/server.ts'
import { postgresStore } from '../../src/stores/postgres.ts'
import { storeCases } from '../../src/testing/index.ts'
import { playCase } from './support/play-case.ts'
import type { OpenClient } from './support/postgres-clients.ts'
import { clientKinds } from './support/postgres-clients.ts'
import { ownName } from './support/shared.ts'

const servers: Partial<Record<'server' | 'bouncer', Server>> = {}
let missing = ''

beforeAll(async () => {
  try {
    servers.server = await startPostgres()
    // Fewer connections than clients ask for: what belongs to a session of the server would show.
    servers.bouncer = await startPgbouncer(servers.server, { settings: { default_pool_size: '3' } })
  } catch (error) {
    if (!(error instanceof MissingPartError)) throw error
    missing = error.message
  }
})

afterAll(async () => {
  await servers.bouncer?.stop()
  await servers.server?.stop()
})

describe.each(clientKinds)('$name', ({ to, open, options }) => {
  const schema = ownName()
  let opened: OpenClient | undefined

  beforeAll(async () => {
    const url = to === 'nowhere' ? '' : servers[to]?.url
    if (url === undefined) return
    opened = open(url)
    const store = postgresStore({ client: opened.client, schema, ...options })
    await store.setup()
    await store.close()
  })
  afterAll(() => opened?.close())

  it.for(storeCases)('$name', async (storeCase, context) => {
    if (opened === undefined) return context.skip(missing)
    // Nobody needs to see a poll come late.
    const own = { client: opened.client, schema, pollEvery: '20ms', ...options } as const
    const sweeping = postgresStore(own)
    await sweeping.clear()
    expect((await sweeping.sweep(100_000)).isDone).toBe(true)
    await sweeping.close()
    await playCase(storeCase, (now) => postgresStore({ ...own, now }))
  })
})
