import pg from 'pg'
import postgres from 'postgres'
import { expect, it, onTestFinished } from 'vitest'
import { startPgbouncer } from '../../scripts/servers/pgbouncer.ts'
import { startPostgres } from '../../scripts/servers/postgres.ts'
import { own } from './support/own.ts'

it('in transaction mode two clients share one connection, and both work again after PostgreSQL was killed', async (context) => {
  const database = await own(context, () => startPostgres())
  const bouncer = await own(context, () => startPgbouncer(database, { settings: { default_pool_size: '1' } }))
  const pool = new pg.Pool({ connectionString: bouncer.url, max: 2 })
  pool.on('error', () => undefined)
  onTestFinished(() => pool.end())
  const sql = postgres(bouncer.url, { prepare: false, max: 1 })
  onTestFinished(() => sql.end())
  const byPool = async () => (await pool.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid
  const bySql = async () => (await sql<{ pid: number }[]>`select pg_backend_pid() as pid`)[0]?.pid

  const pid = await byPool()
  expect(pid).toBeTypeOf('number')
  expect(await bySql()).toBe(pid)
  expect(await byPool()).toBe(pid)

  await database.kill9()
  await database.restart()
  await bouncer.restart()
  const next = await byPool()
  expect(next).not.toBe(pid)
  expect(await bySql()).toBe(next)
})
