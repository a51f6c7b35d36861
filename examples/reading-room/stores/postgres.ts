import { postgresStore } from 'sojourn/stores/postgres'
import { needed } from './needed.ts'
import { ready } from './ready.ts'
import type { OpenStore } from './store.ts'

/** Sessions in PostgreSQL, through a pool of `pg`. */
export async function openPostgres(url: string): Promise<OpenStore> {
  const { Pool } = await needed('pg', () => import('pg'))
  const pool = new Pool({ connectionString: url, connectionTimeoutMillis: 5000 })
  const store = postgresStore({ client: pool })
  return ready(url, { store, setup: () => store.setup(), disconnect: () => pool.end() })
}
