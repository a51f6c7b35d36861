import { appendFile, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import pg from 'pg'
import type { Server, ServerOptions } from './server.ts'
import { accountFor, launch, programOf } from './server.ts'
import { copyTemplate } from './template.ts'

const defaults = {
  listen_addresses: '127.0.0.1',
  // The path of a socket may be longer than a system allows.
  unix_socket_directories: '',
  max_connections: '200',
  shared_preload_libraries: 'pg_stat_statements',
  // A server that is ended with SIGKILL loses nothing by this: the system still has what it wrote.
  fsync: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
}

/** PostgreSQL. The superuser `postgres` needs no password; `settings` are those of postgresql.conf. */
export async function startPostgres(options: ServerOptions = {}): Promise<Server> {
  const program = await programOf('postgres')
  const initdb = join(dirname(await realpath(program)), 'initdb')
  const account = accountFor('postgres')
  const kind = {
    name: 'postgres',
    url: (port: number) => `postgres://postgres@127.0.0.1:${port}/postgres`,
    async prepare(folder: string, port: number) {
      const data = join(folder, 'data')
      const make = (target: string) =>
        [initdb, '-D', target, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'] as const
      await copyTemplate(program, make, data, account)
      const settings = Object.entries({ ...defaults, ...options.settings, port: String(port) })
      const lines = settings.map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
      await appendFile(join(data, 'postgresql.conf'), lines.join(''))
    },
    command: (folder: string) => [program, '-D', join(folder, 'data')] as const,
    answers: async (port: number, folder: string) => (await dataFolderBehind(port)) === join(folder, 'data'),
    orderly: 'SIGINT',
    immediate: 'SIGQUIT',
    ...(account === undefined ? {} : { account }),
  } as const
  return launch(kind, options)
}

/** Where the PostgreSQL that answers on this port has its data; PgBouncer passes the question on. */
export async function dataFolderBehind(port: number): Promise<string | undefined> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<{ folder: string }>(`select current_setting('data_directory') as folder`)
    return rows[0]?.folder
  } finally {
    await client.end().catch(() => undefined)
  }
}
