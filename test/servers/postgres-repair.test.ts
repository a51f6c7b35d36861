/** What set-up does in a database that has the tables already. */
import { PGlite } from '@electric-sql/pglite'
import type { TestContext } from 'vitest'
import { describe, expect, it, onTestFinished } from 'vitest'
import { postgresSchema, postgresStore } from '../../src/stores/postgres.ts'
import { openPool, openStore } from './support/postgres-clients.ts'
import { eyeOn } from './support/postgres-eye.ts'
import { newRole } from './support/postgres-role.ts'
import { newKey, newRecord, upTo } from './support/sessions.ts'
import { ownPostgresDatabase } from './support/shared.ts'

async function open(context: TestContext, place: { schema?: string; partitions?: number } = {}) {
  const url = await ownPostgresDatabase(context)
  const { store, pool, schema } = await openStore(url, place)
  const { client } = await eyeOn(url)
  const functions = async (): Promise<readonly Made[]> =>
    (
      await client.query<Made>(
        `select oid::regprocedure::text as name, oid::int, xmin::text as made, prosrc as body from pg_proc
         where pronamespace = to_regnamespace('${schema}') and proname like 'sojourn%' order by 1`,
      )
    ).rows
  return { url, store, pool, schema, client, functions }
}

interface Made {
  readonly name: string
  readonly oid: number
  /** The transaction that made it so. */
  readonly made: string
  readonly body: string
}

/** Everything that uses a function of its own. */
async function useAll(store: Awaited<ReturnType<typeof open>>['store']): Promise<void> {
  const [key, other] = [newKey(), newKey('ann')]
  const record = newRecord()
  expect(await store.insert(key, record)).toMatchObject({ outcome: 'inserted' })
  expect(await store.get(key)).toEqual(record)
  expect(await store.update(key, 1, { ...record, version: 2 })).toEqual({ outcome: 'updated' })
  expect(await store.touch(key, record.seenAt, record.expiresAt + 9)).toBe(true)
  const owned = newRecord({ subject: 'ann', version: 3 })
  expect((await store.rotate(key, 2, other, owned, { cap: { max: 1, onLimit: 'evict-oldest' } })).outcome).toBe(
    'rotated',
  )
  expect(await store.countBySubject('ann')).toBe(1)
  expect(await store.listBySubject('ann')).toEqual([owned])
  expect(await store.delete(other)).toBe(true)
  expect((await store.insert(other, owned, { max: 1, onLimit: 'reject' })).outcome).toBe('inserted')
  expect(await store.deleteByHandle('ann', owned.handle)).toBe(true)
  expect(await store.deleteBySubject('ann')).toBe(0)
  await store.clear()
  await store.sweep(10)
  for await (const page of store.scan()) expect(page).toEqual([])
}

describe.each([0, 4])('setup with %i partitions', (partitions) => {
  it('makes the functions that a restored backup lacks', async (context) => {
    const { store, client, functions } = await open(context, { partitions })
    const before = await functions()
    for (const { name } of before) await client.query(`drop function ${name}`)
    await expect(store.get(newKey())).rejects.toMatchObject({ message: /store\.setup\(\)/ })
    await store.setup()
    expect((await functions()).map(({ name }) => name)).toEqual(before.map(({ name }) => name))
    await useAll(store)
  })

  it('makes no function when all are as they should be', async (context) => {
    const { store, functions } = await open(context, { partitions })
    const before = await functions()
    await store.setup()
    expect(await functions()).toEqual(before)
  })

  it('replaces a function with another body, and that one only', async (context) => {
    const { store, client, schema, functions } = await open(context, { partitions })
    const before = await functions()
    await client.query(`create or replace function ${schema}.sojourn_sessions_v1_count(_subject text, _part text, _at bigint)
      returns integer language plpgsql as 'begin return 42; end'`)
    expect(await store.countBySubject('ann')).toBe(42)
    await store.setup()
    expect(await store.countBySubject('ann')).toBe(0)
    const after = await functions()
    expect(after.map(({ name, body }) => [name, body])).toEqual(before.map(({ name, body }) => [name, body]))
    expect(after.filter(({ made }, n) => made !== before[n]?.made)).toHaveLength(1)
  })
})

// A busy machine takes its time to start one.
it('setup in a PGlite makes no function when all are as they should be', { timeout: 240_000 }, async () => {
  const pglite = new PGlite()
  onTestFinished(() => pglite.close())
  const store = postgresStore({ client: pglite })
  const made = async (): Promise<unknown> =>
    (await pglite.query(`select proname, xmin from pg_proc where proname like 'sojourn%' order by 1`)).rows
  await store.setup()
  const before = await made()
  await store.setup()
  expect(await made()).toEqual(before)
})

it('setup brings back the settings of a function that lost them', async (context) => {
  const { store, client, schema } = await open(context)
  await client.query(`alter function ${schema}.sojourn_sessions_v1_get(text[], bigint) reset all`)
  await store.setup()
  const { rows } = await client.query<{ settings: string[] }>(
    `select proconfig as settings from pg_proc where proname = 'sojourn_sessions_v1_get'`,
  )
  expect(rows[0]?.settings).toContain('enable_seqscan=off')
})

it('setup replaces a function of this store that takes or gives something else, and no function of another name', async (context) => {
  const { store, client, schema, functions } = await open(context)
  const before = await functions()
  await client.query(`drop function ${schema}.sojourn_sessions_v1_count`)
  for (const [name, takes] of [
    ['sojourn_sessions_v1_count', '_subject text'],
    ['sojourn_sessions_v1_count', '_subject text, _part text, _at text'],
    ['sojourn_sessions_v1_mine', '_subject text'],
  ]) {
    await client.query(`create function ${schema}.${name}(${takes}) returns text language sql as 'select null'`)
  }
  await store.setup()
  expect(await store.countBySubject('ann')).toBe(0)
  const names = (await functions()).map(({ name }) => name)
  const mine = `${schema}.sojourn_sessions_v1_mine(text)`
  expect(names).toEqual([...before.map(({ name }) => name), mine].toSorted())
})

it('setup leaves a function alone that a newer version has made', async (context) => {
  const { store, client, functions } = await open(context)
  const definition = await client.query<{ text: string }>(
    `select pg_get_functiondef(oid) as text from pg_proc where proname = 'sojourn_sessions_v1_count'`,
  )
  const newer = definition.rows[0]?.text.replace(/revision \d+/, 'revision 1000000')
  await client.query(newer ?? '')
  const before = await functions()
  await store.setup()
  expect(await functions()).toEqual(before)
})

it('setup makes what is missing once, however many processes do it at the same time', async (context) => {
  const { url, client, schema, functions } = await open(context)
  for (const { name } of await functions()) await client.query(`drop function ${name}`)
  const opened = await Promise.all(upTo(8).map(() => openStore(url, { schema })))
  await useAll(opened[7]!.store)
})

it('setup needs no right to make anything where all is as it should be, and says what is lacking where it is not', async (context) => {
  const { url, client, schema } = await open(context)
  const { role, client: pool } = await newRole(client, url)
  await client.query(`grant usage on schema ${schema} to ${role}`)
  await client.query(`grant select, insert, update, delete on all tables in schema ${schema} to ${role}`)
  const store = postgresStore({ client: pool, schema })
  await store.setup()
  await store.insert(newKey(), newRecord())
  await client.query(`drop function ${schema}.sojourn_sessions_v1_count`)
  await expect(store.setup()).rejects.toMatchObject({ message: /this user may not make/ })
})

it('setup without a schema makes the functions where the tables are', async (context) => {
  const url = await ownPostgresDatabase(context)
  const { client } = await eyeOn(url)
  await client.query('create schema one; create schema two')
  const { client: pool, close } = openPool(url, { options: '-c search_path=one,two' })
  onTestFinished(close)
  await client.query(`set search_path = two`)
  await client.query(postgresSchema())
  await client.query(`drop function sojourn_sessions_v1_count`)
  const store = postgresStore({ client: pool })
  await store.setup()
  expect(await store.countBySubject('ann')).toBe(0)
  const { rows } = await client.query<{ schema: string }>(
    `select distinct pronamespace::regnamespace::text as schema from pg_proc where proname like 'sojourn%'`,
  )
  expect(rows).toEqual([{ schema: 'two' }])
})
