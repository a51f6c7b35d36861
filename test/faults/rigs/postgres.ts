import pg from 'pg'
import { startPostgres } from '../../../scripts/servers/postgres.ts'
import { startProxy } from '../proxy.ts'
import type { Rig, RigOptions } from './rig.ts'
import { smallDisk } from './small-disk.ts'
import { NO_SMALL_DISK, filling, killing } from './troubles.ts'
import { versionOf } from './versions.ts'

const DISK_MB = 512
const CONNECTIONS = 8

/** One PostgreSQL; the application's processes use either client. */
export async function postgresRig({ random }: RigOptions): Promise<Rig> {
  const disk = smallDisk(DISK_MB)
  const settings = { max_wal_size: '96MB', min_wal_size: '32MB' }
  const server = await startPostgres({ settings, ...(disk && { within: disk.path }) })
  const proxy = await startProxy({ target: server, random })
  const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`
  return {
    store: 'postgres',
    versions: [await versionAt(server.url), `pg ${versionOf('pg')}`, `postgres ${versionOf('postgres')}`],
    settingFor: (member, isNarrow) => ({
      kind: 'postgres',
      client: member % 2 === 0 ? 'pg' : 'postgres',
      url,
      connections: isNarrow ? 1 : CONNECTIONS,
    }),
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

async function versionAt(url: string): Promise<string> {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  try {
    const { rows } = await pool.query<{ server_version: string }>('show server_version')
    return `PostgreSQL ${rows[0]?.server_version ?? 'of unknown version'}`
  } finally {
    await pool.end()
  }
}
