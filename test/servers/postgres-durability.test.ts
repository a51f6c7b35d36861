import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestContext } from 'vitest'
import { expect, it, onTestFinished } from 'vitest'
import { PGlite } from '@electric-sql/pglite'
import { startPostgres } from '../../scripts/servers/postgres.ts'
import { isDurable } from '../../src/core/store.ts'
import { postgresStore } from '../../src/stores/postgres.ts'
import { own } from './support/own.ts'
import { openPool, openStore } from './support/postgres-clients.ts'
import { newKey, newRecord } from './support/sessions.ts'
import { ownPostgresDatabase } from './support/shared.ts'

it('STORE-8: logins, rotations and endings wait for the disk where the server does not, others do not', async (context) => {
  // Whoever commits with the strong setting waits for a standby that never comes; so the setting shows.
  const settings = { synchronous_commit: 'local', synchronous_standby_names: 'nobody' }
  const server = await own(context, () => startPostgres({ settings }))
  const open = async (statementTimeout: '400ms' | '1m') => openStore(server.url, { schema: 'public', statementTimeout })
  const { store: patient, pool } = await open('1m')
  const keys = [newKey(), newKey(), newKey('ann'), newKey('bob')] as const
  const [key, other] = keys
  const record = newRecord()
  await patient.insert(key, record)
  await patient.insert(other, newRecord())
  expect((await patient.update(key, 1, { ...record, version: 2 })).outcome).toBe('updated')
  const { store } = await open('400ms')
  await pool.query(`alter database postgres set synchronous_commit = on`)
  // The touch lowers what the server would do.
  const { store: strict } = await open('1m')
  expect(await strict.touch(key, record.seenAt + 1, record.expiresAt + 1)).toBe(true)
  const { store: hasty } = await open('400ms')
  await expect(hasty.update(key, 2, { ...record, version: 3 })).rejects.toMatchObject({ code: 'store-timeout' })
  for (const decisive of [
    () => store.insert(keys[2], newRecord({ subject: 'ann', handle: 'one' })),
    () => store.rotate(key, 3, newKey(), newRecord({ version: 4 })),
    () => store.delete(other),
    () => store.deleteByHandle('ann', 'one'),
    () => store.insert(keys[3], newRecord({ subject: 'bob' }), { max: 1, onLimit: 'reject' }),
    () => store.deleteBySubject('bob'),
    () => store.clear(),
  ]) {
    await expect(decisive(), decisive.toString()).rejects.toMatchObject({ code: 'store-timeout' })
  }
})

it('STORE-8: a server that is killed has lost no ending, though it waits for no commit', async (context) => {
  const settings = { synchronous_commit: 'off', wal_writer_delay: '10s' }
  const server = await own(context, () => startPostgres({ settings }))
  const { store } = await openStore(server.url, { schema: 'public' })
  const keys = Array.from({ length: 20 }, () => newKey())
  await Promise.all(keys.map((key) => store.insert(key, newRecord())))
  for (const [n, key] of keys.entries()) {
    const to = newKey()
    const isRotation = n % 2 === 0
    if (isRotation) expect((await store.rotate(key, 1, to, newRecord({ version: 2 }))).outcome).toBe('rotated')
    else expect(await store.delete(key)).toBe(true)
    await server.kill9()
    await server.restart()
    // The first calls may find connections that the server has ended.
    const found = await until(() => store.get(key))
    expect(found).toBeUndefined()
    if (isRotation) expect((await store.get(to))?.state).toBe('live')
    if (n === 5) break
  }
})

it('STORE-4 STORE-5: a connection that says nothing any more costs the deadline once, and the next call works', async (context) => {
  const url = await ownPostgresDatabase(context)
  const { store, pool, schema } = await openStore(url, { statementTimeout: '300ms' }, { max: 2 })
  const key = newKey()
  await store.insert(key, newRecord())
  const holder = await pool.connect()
  onTestFinished(() => holder.release())
  await holder.query('begin')
  await holder.query(`select from "${schema}".sojourn_sessions where key = $1 for update`, [key])
  const start = performance.now()
  await expect(store.touch(key, 1, 1)).rejects.toMatchObject({ code: 'store-timeout' })
  expect(performance.now() - start).toBeLessThan(5_000)
  expect((await store.get(key))?.state).toBe('live')
  await holder.query('rollback')
  expect(await store.touch(key, 1, 1)).toBe(true)
})

it('STORE-8: says in numbers what can be lost, by what was declared', async (context: TestContext) => {
  const url = await ownPostgresDatabase(context)
  const { client, close } = openPool(url)
  onTestFinished(close)
  const store = postgresStore({ client })
  expect(isDurable(store)).toBe(true)
  expect(store.durability.decisive).toEqual({ processCrash: 0, machineCrash: 0, failover: Infinity })
  expect(store.durability.saves.machineCrash).toBe(600)
  const mirrored = postgresStore({ client, replication: 'synchronous' })
  expect(mirrored.durability.decisive).toEqual({ processCrash: 0, machineCrash: 0, failover: 0 })
  const pglite = new PGlite()
  onTestFinished(() => pglite.close())
  expect(postgresStore({ client: pglite }).durability.decisive.processCrash).toBe(Infinity)
})

it('STORE-8: a PGlite in a folder has what it answered, touches excepted, after its process was killed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-pglite-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const [kept, ended] = [newKey(), newKey()]
  const program = `
    import { PGlite } from '@electric-sql/pglite'
    import { postgresStore } from 'sojourn/stores/postgres'
    const [folder, kept, ended, record] = process.argv.slice(1)
    const store = postgresStore({ client: new PGlite(folder) })
    await store.setup()
    await store.insert(ended, JSON.parse(record))
    await store.delete(ended)
    await store.insert(kept, { ...JSON.parse(record), handle: 'kept' })
    process.kill(process.pid, 'SIGKILL')`
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const values = [join(folder, 'data'), kept, ended, JSON.stringify(newRecord())]
  const options = ['--import', './bench/from-source.mjs', '--input-type=module', '-e', program, '--', ...values]
  const { signal, stderr } = spawnSync(process.execPath, options, { cwd: root, encoding: 'utf8' })
  expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' })
  const pglite = new PGlite(join(folder, 'data'))
  onTestFinished(() => pglite.close())
  const store = postgresStore({ client: pglite })
  expect((await store.get(kept))?.state).toBe('live')
  expect(await store.get(ended)).toBeUndefined()
  expect(store.durability.decisive).toEqual({ processCrash: 0, machineCrash: Infinity, failover: Infinity })
  expect(store.durability.touches.processCrash).toBe(Infinity)
})

async function until<R>(call: () => Promise<R>): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call()
    } catch (error) {
      if (attempt === 50) throw error
    }
  }
}
