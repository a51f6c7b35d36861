import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import { afterAll, inject } from 'vitest'
import { mysqlStore } from '../../../src/stores/mysql.ts'
import type { PostgresClient } from '../../../src/stores/postgres.ts'
import { postgresStore } from '../../../src/stores/postgres.ts'
import { wireOf } from '../../../src/stores/redis/client.ts'
import type { RedisClient } from '../../../src/stores/redis.ts'
import { redisStore } from '../../../src/stores/redis.ts'
import type { StoreUnderTest } from '../../support/stores.ts'
import { madeOf } from '../../support/stores.ts'
import type { SharedServerName } from '../setup.ts'
import { openPool } from './mysql-pools.ts'
import { openers } from './redis-clients.ts'
import { ownName } from './shared.ts'

/** PostgreSQL through `pg`. Call it at the top of a test file, as all of these: what it opens is closed after the file. */
export function postgresUnderTest(): StoreUnderTest {
  const { missing, url } = serverOf('postgres')
  const pool = once(
    async () => new pg.Pool({ connectionString: url }),
    (pool) => pool.end(),
  )
  return { name: 'PostgreSQL', missing, make: (now) => inPostgres(now, pool) }
}

/** PostgreSQL inside this process. */
export function pgliteUnderTest(): StoreUnderTest {
  const database = once(
    () => PGlite.create(),
    (database) => database.close(),
  )
  return { name: 'PGlite', make: (now) => inPostgres(now, database) }
}

/** MariaDB through `mysql2`. */
export function mariadbUnderTest(): StoreUnderTest {
  const { missing, url } = serverOf('mariadb')
  const pool = once(
    async () => openPool(url),
    ({ close }) => close(),
  )
  return {
    name: 'MariaDB',
    missing,
    make: async (now) => {
      const { client } = await pool()
      const table = ownName()
      const open = async (now: () => number): Promise<ReturnType<typeof mysqlStore>> =>
        mysqlStore({ client, table, now })
      const made = await madeOf(now, open, async () => undefined)
      await open(now).then((store) => store.setup())
      return made
    },
  }
}

/** Redis, one server or a Cluster, through both clients; what RESP2 changes about the replies is the kit's matter. */
export function redisUnderTest(server: 'redis' | 'redisCluster'): readonly StoreUnderTest[] {
  const { missing, url } = serverOf(server)
  return openers
    .filter((opener) => opener.server === server && !opener.name.includes('RESP2'))
    .map(({ name, open }) => {
      const client = once(
        () => open(url),
        ({ close }) => close(),
      )
      return {
        name,
        missing,
        make: async (now) => {
          const opened = await client()
          const prefix = `${ownName()}:`
          return madeOf(
            now,
            async (now) => redisStore({ client: opened.client, prefix, now, persistence: 'none' }),
            () => removeAll(opened.client, prefix),
          )
        },
      }
    })
}

async function inPostgres(now: () => number, open: () => Promise<PostgresClient>): ReturnType<StoreUnderTest['make']> {
  const client = await open()
  const table = ownName()
  await postgresStore({ client, table }).setup()
  return madeOf(
    now,
    async (now) => postgresStore({ client, table, now }),
    async () => undefined,
  )
}

/** What lies about makes every SCAN of the tests that follow longer; in a Cluster, a store that was cleared has 4096 names. */
async function removeAll(client: RedisClient, prefix: string): Promise<void> {
  for (const ask of await wireOf(client).primaries()) {
    let cursor = '0'
    do {
      const [next, names] = (await ask(['SCAN', cursor, 'MATCH', `${prefix}*`, 'COUNT', '1000'])) as [string, string[]]
      await Promise.all(names.map((name) => ask(['UNLINK', name])))
      cursor = next
    } while (cursor !== '0')
  }
}

function serverOf(name: SharedServerName): { readonly missing: string | undefined; readonly url: string } {
  const server = inject(name)
  return 'missing' in server ? { missing: server.missing, url: '' } : { missing: undefined, url: server.url }
}

/** Opens it when it is first asked for, and closes it after the tests of the file. */
function once<T>(open: () => Promise<T>, close: (opened: T) => Promise<unknown>): () => Promise<T> {
  let opened: Promise<T> | undefined
  afterAll(async () => {
    if (opened !== undefined) await close(await opened)
  })
  return () => (opened ??= open())
}
