import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import mysql from 'mysql2/promise'
import type { Server, ServerOptions } from './server.ts'
import { launch, programsOf } from './server.ts'
import { copyTemplate } from './template.ts'

const defaults = {
  'bind-address': '127.0.0.1',
  // Within the data folder, whose path may be longer than a system allows for a socket.
  socket: 'socket',
  'max-connections': '200',
  'skip-name-resolve': 'ON',
  'performance-schema': 'ON',
  'innodb-buffer-pool-size': '64M',
  'innodb-log-file-size': '16M',
  // A server that is ended with SIGKILL loses nothing by this: the system still has what it wrote.
  'innodb-flush-method': 'nosync',
  // With io_uring, MariaDB 10.11 was seen to wait for ever for pages that it had sent to the disk (Linux 6.18).
  'innodb-use-native-aio': 'OFF',
}

/** MariaDB. `root` needs no password, and there is a database `test`; `settings` are those of [mariadbd]. */
export async function startMariadb(options: ServerOptions = {}): Promise<Server> {
  const { mariadbd: program, installer } = await programsOf('mariadb')
  const kind = {
    name: 'mariadb',
    url: (port: number) => `mysql://root@127.0.0.1:${port}/test`,
    async prepare(folder: string, port: number) {
      const log = `--innodb-log-file-size=${defaults['innodb-log-file-size']}`
      const make = (target: string) =>
        [
          installer,
          '--no-defaults',
          `--datadir=${target}`,
          '--auth-root-authentication-method=normal',
          log,
          ...asRoot.map((user) => `--user=${user}`),
        ] as const
      await copyTemplate(program, make, join(folder, 'data'))
      const settings = Object.entries({ ...defaults, ...options.settings, port: String(port) })
      const lines = settings.map(([name, value]) => `${name} = ${value}\n`)
      await writeFile(join(folder, 'my.cnf'), `[mariadbd]\n${lines.join('')}`)
    },
    command: (folder: string) =>
      [
        program,
        `--defaults-file=${join(folder, 'my.cnf')}`,
        `--datadir=${join(folder, 'data')}`,
        ...asRoot.map((user) => `--user=${user}`),
      ] as const,
    answers: async (port: number, folder: string) => (await dataFolderBehind(port)) === join(folder, 'data/'),
    orderly: 'SIGTERM',
    immediate: 'SIGKILL',
  } as const
  return launch(kind, options)
}

// It refuses root unless it is named; another user needs no name.
const asRoot: readonly string[] = process.getuid?.() === 0 ? ['root'] : []

async function dataFolderBehind(port: number): Promise<unknown> {
  const connection = await mysql.createConnection(`mysql://root@127.0.0.1:${port}/test`)
  try {
    const [rows] = await connection.query<(mysql.RowDataPacket & { folder: string })[]>('select @@datadir as folder')
    return rows[0]?.folder
  } finally {
    connection.destroy()
  }
}
