import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dataFolderBehind } from './postgres.ts'
import type { Server, ServerOptions } from './server.ts'
import { accountFor, launch, programOf } from './server.ts'

export interface PgbouncerOptions extends ServerOptions {
  /** @defaultValue 'transaction' */
  readonly poolMode?: 'session' | 'transaction' | 'statement'
}

/** PgBouncer in front of a PostgreSQL server; `settings` are those of the section [pgbouncer]. */
export async function startPgbouncer(postgres: Server, options: PgbouncerOptions = {}): Promise<Server> {
  const program = await programOf('pgbouncer')
  const account = accountFor('postgres')
  const kind = {
    name: 'pgbouncer',
    url: (port: number) => `postgres://postgres@127.0.0.1:${port}/postgres`,
    async prepare(folder: string, port: number) {
      const settings = Object.entries({
        listen_addr: '127.0.0.1',
        auth_type: 'any',
        unix_socket_dir: '',
        pool_mode: options.poolMode ?? 'transaction',
        max_client_conn: '500',
        default_pool_size: '20',
        ...options.settings,
        listen_port: String(port),
      })
      const lines = settings.map(([name, value]) => `${name} = ${value}\n`)
      const databases = `[databases]\n* = host=127.0.0.1 port=${postgres.port} user=postgres\n`
      await writeFile(join(folder, 'pgbouncer.ini'), `${databases}\n[pgbouncer]\n${lines.join('')}`)
    },
    command: (folder: string) => [program, join(folder, 'pgbouncer.ini')] as const,
    answers: async (port: number) => (await dataFolderBehind(port)) === join(postgres.folder, 'data'),
    orderly: 'SIGTERM',
    immediate: 'SIGTERM',
    ...(account === undefined ? {} : { account }),
  } as const
  return launch(kind, options)
}
