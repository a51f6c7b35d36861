import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import { createClient } from 'redis'
import { onPath } from '../../scripts/parts.ts'
import { startMariadb } from '../../scripts/servers/mariadb.ts'
import { startPostgres } from '../../scripts/servers/postgres.ts'
import { startRedis } from '../../scripts/servers/redis.ts'
import type { Server } from '../../scripts/servers/server.ts'
import type { StoreName } from '../servers/serve.ts'

/** A database server, and how often somebody spoke to it. */
export interface Database {
  readonly url: string
  readonly version: string
  /** Round trips so far, as the server itself counts them, without those of asking. */
  trips(): Promise<number>
  stop(): Promise<void>
}

const kinds = {
  redis: { program: 'redis-server', open: openRedis },
  postgres: { program: 'postgres', open: openPostgres },
  mysql: { program: 'mariadbd', open: openMariadb },
} as const

export type DatabaseKind = keyof typeof kinds

/** The database server that a store needs, if any. */
export function databaseOf(store: StoreName): DatabaseKind | undefined {
  return store === 'redis' || store === 'postgres' || store === 'mysql' ? store : undefined
}

/** Whether the server can be started without installing it first. */
export function isInstalled(kind: DatabaseKind): boolean {
  return onPath(kinds[kind].program) !== undefined
}

/** Starts a server of its own, with the settings that `scripts/servers` gives it; installs it when it is missing. */
export function openDatabase(kind: DatabaseKind): Promise<Database> {
  return kinds[kind].open()
}

/** A round trip is what the server read at once: commands that a client sends together are one. */
async function openRedis(): Promise<Database> {
  const server = await startRedis()
  const client = await createClient({ url: server.url }).connect()
  const read = async (name: string): Promise<string> => {
    const info = await client.info(name === 'redis_version' ? 'server' : 'stats')
    return new RegExp(`^${name}:(.+)$`, 'm').exec(info)?.[1]?.trim() ?? ''
  }
  return database(
    server,
    await read('redis_version'),
    () => client.close(),
    async (asked) => {
      return Number(await read('total_reads_processed')) - asked
    },
  )
}

/** Statements that clients sent, transactions' begins and ends among them; not those within functions. */
async function openPostgres(): Promise<Database> {
  const server = await startPostgres()
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  await client.query('create extension if not exists pg_stat_statements')
  const { rows } = await client.query<{ server_version: string }>('show server_version')
  const COUNT = `select coalesce(sum(calls), 0)::int as calls from pg_stat_statements
    where query not like '%pg_stat_statements%'`
  return database(
    server,
    rows[0]?.server_version ?? '',
    () => client.end(),
    async () => {
      const result = await client.query<{ calls: number }>(COUNT)
      return result.rows[0]?.calls ?? 0
    },
  )
}

/** Statements that clients sent; not those within procedures. */
async function openMariadb(): Promise<Database> {
  // Room for a whole run: when the log is full all writes wait for pages to be written, and MariaDB 10.11 was seen to wait
  // for ever (Linux 6.18).
  const server = await startMariadb({ settings: { 'innodb-log-file-size': '1G' } })
  const connection = await createConnection(server.url)
  const read = async (statement: string): Promise<string> => {
    const [rows] = await connection.query({ sql: statement, rowsAsArray: true })
    return String((rows as unknown as readonly (readonly unknown[])[])[0]?.at(-1))
  }
  return database(
    server,
    await read('select version()'),
    () => connection.end(),
    async (asked) => {
      return Number(await read("show global status like 'Questions'")) - asked
    },
  )
}

/** `count` is told how often it has been called before, for servers that count the asking too. */
function database(
  server: Server,
  version: string,
  close: () => Promise<void> | void,
  count: (asked: number) => Promise<number>,
): Database {
  let asked = 0
  return {
    url: server.url,
    version,
    trips: () => count(asked++),
    async stop() {
      await close()
      await server.stop()
    },
  }
}
