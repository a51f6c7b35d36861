import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import mysql from 'mysql2'
import { startMariadb } from '../../../scripts/servers/mariadb.ts'
import { startProxy } from '../proxy.ts'
import type { Rig, RigOptions } from './rig.ts'
import { smallDisk } from './small-disk.ts'
import { NO_SMALL_DISK, filling, killing } from './troubles.ts'
import { versionOf } from './versions.ts'

const DISK_MB = 512
const CONNECTIONS = 8

/** One MariaDB. */
export async function mariadbRig({ random }: RigOptions): Promise<Rig> {
  const disk = smallDisk(DISK_MB)
  const server = await startMariadb(disk && { within: disk.path })
  if (disk) reserveLog(server.folder)
  const proxy = await startProxy({ target: server, random })
  const url = `mysql://root@127.0.0.1:${proxy.port}/test`
  return {
    store: 'mysql',
    versions: [await versionAt(server.url), `mysql2 ${versionOf('mysql2')}`],
    settingFor: (_member, isNarrow) => ({ kind: 'mysql', url, connections: isNarrow ? 1 : CONNECTIONS }),
    hasPool: true,
    signsInByHops: false,
    proxies: [proxy],
    blows: [killing(server, random, 20), ...(disk ? [filling(server, disk, 2)] : [])],
    limitations: disk ? [] : [NO_SMALL_DISK],
    async stop() {
      await proxy.close()
      await server.stop()
      disk?.remove()
    },
  }
}

/** The copy of an empty database has holes where InnoDB had taken the space for its log, so as never to be short of it. */
function reserveLog(folder: string): void {
  const log = join(folder, 'data', 'ib_logfile0')
  const { status } = spawnSync('fallocate', ['--length', String(statSync(log).size), log])
  if (status !== 0) throw new Error('mariadb: no space could be reserved for its log')
}

async function versionAt(url: string): Promise<string> {
  const pool = mysql.createPool({ uri: url, connectionLimit: 1 })
  try {
    const [rows] = await pool.promise().query<mysql.RowDataPacket[]>('select version() as version')
    return `MariaDB ${String(rows[0]?.['version'])}`
  } finally {
    await pool.promise().end()
  }
}
