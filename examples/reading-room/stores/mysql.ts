import { mysqlStore } from 'sojourn/stores/mysql'
import { needed } from './needed.ts'
import { ready } from './ready.ts'
import type { OpenStore } from './store.ts'

/** Sessions in MySQL or MariaDB, through a pool of `mysql2`. */
export async function openMysql(url: string): Promise<OpenStore> {
  const { createPool } = await needed('mysql2', () => import('mysql2/promise'))
  const pool = createPool({ uri: url, connectTimeout: 5000 })
  const store = mysqlStore({ client: pool })
  return ready(url, { store, setup: () => store.setup(), disconnect: () => pool.end() })
}
