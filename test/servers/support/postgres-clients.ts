import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import postgres from 'postgres'
import { onTestFinished } from 'vitest'
import { postgresStore, type PostgresStore, type PostgresStoreOptions } from '../../../src/stores/postgres.ts'
import { ownName } from './shared.ts'

/** A client under test, and how it ends. */
export interface OpenClient {
  readonly client: PostgresStoreOptions['client']
  readonly close: () => Promise<void>
}

/** One kind of client, and the options of the store that differ with it. */
export interface ClientKind {
  readonly name: string
  /** Where it connects to; `nowhere`: it is its own server. */
  readonly to: 'server' | 'bouncer' | 'nowhere'
  readonly open: (url: string) => OpenClient
  readonly options?: Partial<PostgresStoreOptions>
}

/** Every kind of client that the store takes, with options of theirs and of the store that must make no difference. */
export const clientKinds: readonly ClientKind[] = [
  { name: 'pg, Pool', to: 'server', open: openPool },
  { name: 'pg, Pool, prepared', to: 'server', open: openPool, options: { prepare: true } },
  { name: 'pg, Pool of one connection', to: 'server', open: (url) => openPool(url, { max: 1 }) },
  { name: 'pg, Pool, 16 partitions', to: 'server', open: openPool, options: { partitions: 16 } },
  { name: 'postgres', to: 'server', open: openPostgres },
  { name: 'postgres, unprepared', to: 'server', open: openPostgres, options: { prepare: false } },
  { name: 'postgres, one connection, its own types', to: 'server', open: openOdd },
  { name: 'PGlite', to: 'nowhere', open: openPglite },
  { name: 'pg, Pool through PgBouncer', to: 'bouncer', open: openPool },
  { name: 'postgres through PgBouncer', to: 'bouncer', open: (url) => openPostgres(url, { prepare: false }) },
]

export function openPool(url: string, options?: pg.PoolConfig): OpenClient & { readonly pool: pg.Pool } {
  const pool = new pg.Pool({ connectionString: url, ...options })
  // The database may be dropped before the last connection has said goodbye.
  pool.on('error', () => undefined)
  return { client: pool, pool, close: () => pool.end() }
}

function openPostgres(url: string, options?: { readonly prepare?: boolean }): OpenClient {
  const sql = postgres(url, { onnotice: () => undefined, ...options })
  return { client: sql, close: () => sql.end() }
}

/** As applications set it that want numbers for bigint, and names in their own style. */
function openOdd(url: string): OpenClient {
  const types = { bigint: postgres.BigInt }
  const sql = postgres(url, { max: 1, types, transform: postgres.camel, fetch_types: false, onnotice: () => undefined })
  return { client: sql, close: () => sql.end() }
}

function openPglite(): OpenClient {
  const pglite = new PGlite()
  return { client: pglite, close: () => pglite.close() }
}

/** A store on a pool of its own and in a schema of its own, for the test that runs. */
export async function openStore(
  url: string,
  options: Partial<PostgresStoreOptions> = {},
  poolOptions: pg.PoolConfig = {},
): Promise<{ readonly store: PostgresStore; readonly pool: pg.Pool; readonly schema: string }> {
  const { pool, close } = openPool(url, poolOptions)
  const schema = options.schema ?? ownName()
  const store = postgresStore({ client: pool, schema, ...options })
  await store.setup()
  onTestFinished(async () => {
    await store.close()
    await close()
  })
  return { store, pool, schema }
}
