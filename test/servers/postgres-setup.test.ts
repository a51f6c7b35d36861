import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { postgresSchema, postgresStore, type PostgresStoreOptions } from '../../src/stores/postgres.ts'
import { openPool, openStore } from './support/postgres-clients.ts'
import { eyeOn } from './support/postgres-eye.ts'
import { newRole } from './support/postgres-role.ts'
import { newKey, newRecord, upTo } from './support/sessions.ts'
import { ownName, ownPostgresDatabase } from './support/shared.ts'

const layouts = [0, 4] as const

describe.each(layouts)('setup with %i partitions', (partitions) => {
  it('is done once however many processes do it at the same time', async (context) => {
    const url = await ownPostgresDatabase(context)
    const schema = ownName()
    const opened = await Promise.all(upTo(8).map(() => openStore(url, { schema, partitions })))
    const keys = upTo(8).map(() => newKey())
    await Promise.all(opened.map(({ store }, n) => store.insert(keys[n]!, newRecord())))
    const found = await Promise.all(keys.map((key) => opened[0]!.store.get(key)))
    expect(found.every((entry) => entry?.state === 'live')).toBe(true)
  })

  it('waits for nobody when there is nothing to do', async (context) => {
    const url = await ownPostgresDatabase(context)
    const { store, schema } = await openStore(url, { partitions })
    const { client } = await eyeOn(url)
    await client.query('begin')
    // What an index would have to wait for, and everybody else then for the index.
    await client.query(`lock table ${schema}.sojourn_sessions in row exclusive mode`)
    await store.setup()
    await client.query('rollback')
  })

  it('is the same as running the SQL that it prints, once or twice', async (context) => {
    const url = await ownPostgresDatabase(context)
    const { client } = await eyeOn(url)
    const { client: pool, close } = openPool(url)
    onTestFinished(close)
    const store = postgresStore({ client: pool, table: 'Order', schema: 'User', partitions })
    expect(store.schema()).toBe(postgresSchema({ table: 'Order', schema: 'User', partitions }))
    await client.query(store.schema())
    const key = newKey()
    await store.insert(key, newRecord())
    await client.query(store.schema())
    await store.setup()
    expect((await store.get(key))?.state).toBe('live')
  })

  it('refuses tables of another layout and of a newer version', async (context) => {
    const url = await ownPostgresDatabase(context)
    const { store, schema, pool } = await openStore(url, { partitions })
    const other = postgresStore({ client: pool, schema, partitions: partitions + 1 })
    await expect(other.setup()).rejects.toMatchObject({ code: 'unsupported', message: /partitions/ })
    await pool.query(`update ${schema}.sojourn_sessions_meta set schema = 9`)
    await expect(store.setup()).rejects.toMatchObject({ code: 'unsupported', message: /schema 9.*upgrade sojourn/ })
  })
})

it('several stores in one database keep to themselves', async (context) => {
  const url = await ownPostgresDatabase(context)
  const schema = ownName()
  const places = [{ schema }, { schema, table: 'b' }, { schema: ownName() }, { schema: 'public', table: 'B' }]
  const stores = []
  for (const place of places) stores.push((await openStore(url, place)).store)
  const key = newKey('ann')
  for (const store of stores) {
    expect((await store.insert(key, newRecord({ subject: 'ann' }))).outcome).toBe('inserted')
  }
  await stores[0]!.clear()
  expect(await stores[1]!.deleteBySubject('ann')).toBe(1)
  const found = await Promise.all(stores.map((store) => store.get(key)))
  expect(found.map((entry) => entry?.state)).toEqual([undefined, undefined, 'live', 'live'])
})

it('without a schema, it uses the first one of the search path', async (context) => {
  const url = await ownPostgresDatabase(context)
  const { client } = await eyeOn(url)
  await client.query('create schema tenant')
  const { client: pool, close } = openPool(url, { options: '-c search_path=tenant' })
  onTestFinished(close)
  const store = postgresStore({ client: pool })
  await store.setup()
  await store.insert(newKey(), newRecord())
  const { rows } = await client.query<{ n: number }>('select count(*)::int as n from tenant.sojourn_sessions')
  expect(rows).toEqual([{ n: 1 }])
})

it("all of one user's sessions lie in one partition, and those of many users in all", async (context) => {
  const url = await ownPostgresDatabase(context)
  const { store, schema, pool } = await openStore(url, { partitions: 4 })
  const subjects = upTo(100).flatMap((n) => [`user-${n}`, `user-${n}`, `user-${n}`])
  await Promise.all(subjects.map((subject) => store.insert(newKey(subject), newRecord({ subject }))))
  const sql = `select count(distinct tableoid)::int as n from ${schema}.sojourn_sessions`
  const each = await pool.query<{ n: number }>(`${sql} group by subject`)
  expect(each.rows).toEqual(upTo(100).map(() => ({ n: 1 })))
  expect((await pool.query<{ n: number }>(sql)).rows).toEqual([{ n: 4 }])
})

describe('what is wrong is said', () => {
  it('of tables that are not there', async (context) => {
    const url = await ownPostgresDatabase(context)
    const { client, close } = openPool(url)
    onTestFinished(close)
    for (const place of [{}, { schema: 'nowhere' }]) {
      const store = postgresStore({ client, ...place })
      const calls = [() => store.get(newKey()), () => store.delete(newKey()), () => store.watch(() => undefined)]
      for (const call of calls) {
        await expect(call()).rejects.toMatchObject({ code: 'store-unavailable', message: /store\.setup\(\)/ })
      }
    }
  })

  it('of rights that are missing', async (context) => {
    const url = await ownPostgresDatabase(context)
    const { client: eye } = await eyeOn(url)
    const { role, client } = await newRole(eye, url)
    const store = postgresStore({ client })
    await expect(store.setup()).rejects.toMatchObject({ message: /this user may not make tables/ })
    await openStore(url, { schema: 'public' })
    await expect(store.get(newKey())).rejects.toMatchObject({ message: /lacks rights/ })
    // What the document says is enough.
    await eye.query(`grant select, insert, update, delete on all tables in schema public to ${role}`)
    await store.insert(newKey('ann'), newRecord({ subject: 'ann' }), { max: 1, onLimit: 'evict-oldest' })
    await store.deleteBySubject('ann')
    await store.clear()
    expect((await store.sweep(10)).removed).toBe(0)
  })

  it('of functions that the user may not call', async (context) => {
    const url = await ownPostgresDatabase(context)
    const { schema } = await openStore(url)
    const { client: eye } = await eyeOn(url)
    const { role, client } = await newRole(eye, url)
    await eye.query(`grant usage on schema ${schema} to ${role}`)
    await eye.query(`grant select, insert, update, delete on all tables in schema ${schema} to ${role}`)
    await eye.query(`revoke execute on all functions in schema ${schema} from public`)
    const store = postgresStore({ client, schema })
    await expect(store.setup()).rejects.toMatchObject({ code: 'store-unavailable', message: /EXECUTE/ })
    await expect(store.get(newKey())).rejects.toMatchObject({ message: /EXECUTE on its functions/ })
    await eye.query(`grant execute on all functions in schema ${schema} to ${role}`)
    await store.setup()
    await store.insert(newKey(), newRecord())
  })

  it('of a database whose encoding cannot hold what sessions hold', async (context) => {
    const url = await ownPostgresDatabase(context)
    const { client: eye } = await eyeOn(url)
    for (const encoding of ['LATIN1', 'SQL_ASCII']) {
      const name = ownName()
      await eye.query(`create database ${name} encoding '${encoding}' lc_collate 'C' lc_ctype 'C' template template0`)
      onTestFinished(async () => void (await eye.query(`drop database ${name} with (force)`)))
      const { client, close } = openPool(Object.assign(new URL(url), { pathname: name }).href)
      onTestFinished(close)
      const store = postgresStore({ client })
      if (encoding === 'LATIN1') {
        await expect(store.setup()).rejects.toMatchObject({ code: 'unsupported', message: /LATIN1.*UTF8/ })
      } else {
        await store.setup()
        const [key, record] = [newKey(), newRecord({ data: '"😀 ñ 漢"' })]
        await store.insert(key, record)
        expect(await store.get(key)).toEqual(record)
      }
    }
  })

  it('of a server that is not there', async () => {
    const { client, close } = openPool('postgres://nobody@127.0.0.1:1/nothing')
    onTestFinished(close)
    const store = postgresStore({ client })
    for (const call of [() => store.get(newKey()), () => store.setup(), () => store.watch(() => undefined)]) {
      await expect(call()).rejects.toMatchObject({ code: 'store-unavailable', message: /ECONNREFUSED/ })
    }
  })

  it('of prepared statements behind a PgBouncer that has none, by the remedy', async (context) => {
    const url = await ownPostgresDatabase(context)
    const { pool, schema, store } = await openStore(url, { prepare: true }, { max: 1 })
    await store.get(newKey())
    // As the next server connection would be, of which the client does not know that it is another.
    await pool.query('deallocate all')
    await expect(store.get(newKey())).rejects.toMatchObject({ message: /prepare: false/ })
    expect(schema).not.toBe('')
  })

  it('of options', () => {
    const client = new pg.Pool()
    const wrong: readonly (readonly [Partial<Record<keyof PostgresStoreOptions | 'tabel', unknown>>, RegExp])[] = [
      [{ tabel: 'x' }, /^postgresStore: "tabel" is no option; there are client, table/],
      [{ table: 'a"; drop table x; --' }, /table: expected/],
      [{ table: 'x'.repeat(41) }, /at most 40/],
      [{ table: '' }, /table: expected/],
      [{ schema: 'a.b' }, /schema: expected/],
      [{ partitions: -1 }, /partitions: expected/],
      [{ partitions: 1.5 }, /partitions: expected/],
      [{ watch: 'never' }, /watch: expected 'listen' or 'poll'/],
      [{ pollEvery: '0s' }, /pollEvery: expected/],
      [{ pollEvery: 5 }, /pollEvery: expected/],
      [{ statementTimeout: '30d' }, /statementTimeout: expected/],
      [{ replication: 'maybe' }, /replication: expected/],
      [{ client: {} }, /client: expected a Pool of pg/],
      [{ client: new pg.Client() }, /client: expected a Pool of pg/],
      [{ client: undefined }, /client: expected a Pool of pg/],
    ]
    for (const [option, message] of wrong) {
      const options = { client, ...option } as PostgresStoreOptions
      expect(() => postgresStore(options), JSON.stringify(Object.keys(option))).toThrow(message)
      expect(() => postgresStore(options)).toThrow(TypeError)
    }
    expect(() => postgresSchema({ table: '"' })).toThrow(TypeError)
  })
})

it('leaves the pool open, and takes what it attached off again', async (context) => {
  const url = await ownPostgresDatabase(context)
  const pool = new pg.Pool({ connectionString: url })
  onTestFinished(() => pool.end())
  const store = postgresStore({ client: pool })
  await store.setup()
  expect(pool.listenerCount('error')).toBe(1)
  await store.close()
  await store.close()
  expect(pool.listenerCount('error')).toBe(0)
  pool.on('error', () => undefined)
  expect((await pool.query<{ n: number }>('select 1 as n')).rows).toEqual([{ n: 1 }])
})
