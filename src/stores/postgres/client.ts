import { isPglite, pgliteDatabase, type Pglite } from './client-pglite.ts'
import { isPgPool, pgDatabase, type PgPool } from './client-pg.ts'
import { isPostgresSql, postgresDatabase, type PostgresSql } from './client-postgres.ts'
import type { Database } from './database.ts'

/** A client of PostgreSQL. */
export type PostgresClient = PgPool | PostgresSql | Pglite

/** @throws TypeError when it is none of the three. */
export function databaseOf(
  client: PostgresClient,
  { prepare, timeout }: { readonly prepare: boolean | undefined; readonly timeout: number },
): Database {
  if (isPostgresSql(client)) return postgresDatabase(client, { prepare, timeout })
  if (isPglite(client)) return pgliteDatabase(client)
  if (isPgPool(client)) return pgDatabase(client, { isPrepared: prepare ?? false, timeout })
  throw new TypeError(
    'postgresStore: client: expected a Pool of pg, what postgres() gave, or a PGlite; a single Client of pg cannot reconnect',
  )
}
