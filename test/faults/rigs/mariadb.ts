import mysql from 'mysql2'
import { startMariadb } from '../../../scripts/servers/mariadb.ts'
import { mysqlStore } from '../../../src/stores/mysql.ts'
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
  const proxy = await startProxy({ target: server, random })
  const url = `mysql://root@127.0.0.1:${proxy.port}/test`
  return {
    store: 'mysql',
    versions: [await prepared(server.url), `mysql2 ${versionOf('mysql2')}`],
    settingFor: (_member, isNarrow) => ({ kind: 'mysql', url, connections: isNarrow ? 1 : CONNECTIONS }),
    hasPool: true,
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

/** Makes the tables, and asks for the server's version. */
async function prepared(url: string): Promise<string> {
  const pool = mysql.createPool({ uri: url, connectionLimit: 1 })
  try {
    await mysqlStore({ client: pool }).setup()
    const [rows] = await pool.promise().query<mysql.RowDataPacket[]>('select version() as version')
    return `MariaDB ${String(rows[0]?.['version'])}`
  } finally {
    await pool.promise().end()
  }
}
