/** What the store asks of the server, read off the server itself. */
import { createSessions } from 'sojourn'
import type { TestContext } from 'vitest'
import { describe, expect, it, onTestFinished } from 'vitest'
import { postgresStore, type PostgresStore } from '../../src/stores/postgres.ts'
import { factsFor, newClient, receive } from '../support/bed.ts'
import { type ClientKind, clientKinds } from './support/postgres-clients.ts'
import { type Eye, eyeOn } from './support/postgres-eye.ts'
import { newKey, newRecord, upTo } from './support/sessions.ts'
import { ownPostgresDatabase } from './support/shared.ts'

async function open(context: TestContext, kind: ClientKind): Promise<{ store: PostgresStore; eye: Eye }> {
  const url = await ownPostgresDatabase(context)
  const { client, close } = kind.open(url)
  const store = postgresStore({ client, ...kind.options })
  onTestFinished(async () => {
    await store.close()
    await close()
  })
  await store.setup()
  const eye = await eyeOn(url)
  await eye.calls()
  return { store, eye }
}

describe.each(clientKinds.filter(({ to }) => to === 'server'))('postgresStore with $name', (kind) => {
  it('asks one read for a session that is read, one more statement for one that is changed, none for a new visitor', async (context) => {
    const { store, eye } = await open(context, kind)
    const sessions = createSessions<{ n?: number }>({ store, initial: () => ({}), sweepEvery: '30d' })
    const client = newClient()
    const visit = async (handler: (session: Awaited<ReturnType<typeof sessions.open>>) => unknown) => {
      const session = await sessions.open(factsFor(client))
      await handler(session)
      receive(client, await session.commit())
      return await eye.calls()
    }
    expect(await visit((session) => session.data.n)).toEqual({})
    expect(await visit((session) => (session.data.n = 1))).toMatchObject({ insert: 1 })
    expect(await visit((session) => session.data.n)).toEqual({ get: 1 })
    expect(await visit((session) => (session.data.n = 2))).toEqual({ get: 1, update: 1 })
    // The second one is the engine's look at the token before it is handed out.
    expect(await visit((session) => session.login('ann'))).toEqual({ get: 2, rotate: 1 })
    expect(await visit((session) => session.logout())).toEqual({ get: 1, delete: 1 })
  })

  it('does 64 concurrent operations of a kind with one statement', async (context) => {
    const { store, eye } = await open(context, kind)
    const keys = upTo(64).map(() => newKey())
    const records = keys.map(() => newRecord())
    const inserted = await Promise.all(keys.map((key, n) => store.insert(key, records[n]!)))
    expect(inserted.every(({ outcome }) => outcome === 'inserted')).toBe(true)
    expect(await eye.calls()).toEqual({ insert: 1 })
    expect(await Promise.all(keys.map((key) => store.get(key)))).toEqual(records)
    expect(await eye.calls()).toEqual({ get: 1 })
    const nexts = records.map((record) => ({ ...record, version: 2, data: '"next"' }))
    const updated = await Promise.all(keys.map((key, n) => store.update(key, 1, nexts[n]!)))
    expect(updated.every(({ outcome }) => outcome === 'updated')).toBe(true)
    expect(await eye.calls()).toEqual({ update: 1 })
    const touched = await Promise.all(keys.map((key, n) => store.touch(key, nexts[n]!.seenAt, nexts[n]!.expiresAt + 9)))
    expect(touched).toEqual(keys.map(() => true))
    expect(await eye.calls()).toEqual({ touch: 1 })
    expect(await Promise.all(keys.map((key) => store.delete(key)))).toEqual(keys.map(() => true))
    expect(await eye.calls()).toEqual({ delete: 1 })
  })

  it('settles a hundred updates of one session from one version with one statement, and its touches too', async (context) => {
    const { store, eye } = await open(context, kind)
    const key = newKey()
    const record = newRecord()
    await store.insert(key, record)
    await eye.calls()
    const nexts = upTo(100).map((n) => ({ ...record, version: 2, data: `${n}` }))
    const results = await Promise.all(nexts.map((next) => store.update(key, 1, next)))
    expect(await eye.calls()).toEqual({ update: 1 })
    const winner = nexts[results.findIndex(({ outcome }) => outcome === 'updated')]
    const losers = results.filter(({ outcome }) => outcome !== 'updated')
    expect(losers).toEqual(upTo(99).map(() => ({ outcome: 'conflict', current: winner })))
    expect(await store.get(key)).toEqual(winner)
    await eye.calls()
    await Promise.all(upTo(50).map((n) => store.touch(key, record.seenAt + n, record.expiresAt + 2 * n)))
    expect(await eye.calls()).toEqual({ touch: 1 })
    expect(await store.get(key)).toMatchObject({ seenAt: record.seenAt + 49, expiresAt: record.expiresAt + 98 })
  })

  it('bounds a batch', async (context) => {
    const { store, eye } = await open(context, kind)
    await Promise.all(upTo(250).map(() => store.get(newKey())))
    expect(await eye.calls()).toEqual({ get: 3 })
  })

  it("ends one user's 1,000 sessions with one statement, and counts and lists them with one", async (context) => {
    const { store, eye } = await open(context, kind)
    const keys = upTo(1000).map(() => newKey('ann'))
    await Promise.all(keys.map((key) => store.insert(key, newRecord({ subject: 'ann' }))))
    await eye.calls()
    expect(await store.listBySubject('ann')).toHaveLength(1000)
    expect(await store.countBySubject('ann')).toBe(1000)
    expect(await store.deleteBySubject('ann')).toBe(1000)
    expect(await eye.calls()).toEqual({ list: 1, count: 1, end_subject: 1 })
    expect(await store.countBySubject('ann')).toBe(0)
  })

  it('ends every session with one statement that writes one row', async (context) => {
    const { store, eye } = await open(context, kind)
    const keys = upTo(200).map(() => newKey())
    await Promise.all(keys.map((key) => store.insert(key, newRecord())))
    await eye.calls()
    await store.clear()
    // Of this statement in this database alone: other tests write at the same time.
    const { rows } = await eye.client.query<{
      bytes: number
    }>(`select sum(wal_bytes)::int as bytes from pg_stat_statements
      where query like '%_clear%' and dbid = (select oid from pg_database where datname = current_database())`)
    expect(await eye.calls()).toEqual({ clear: 1 })
    // With a page image of 8 KiB at most, where 200 rows would be many times that.
    expect(rows[0]?.bytes).toBeGreaterThan(0)
    expect(rows[0]?.bytes).toBeLessThan(12_000)
    expect(await Promise.all(keys.map((key) => store.get(key)))).toEqual(keys.map(() => undefined))
  })

  it('lets what cannot be stored fail alone', async (context) => {
    const { store } = await open(context, kind)
    const [good, bad, other] = [newKey(), newKey(), newKey()]
    const results = await Promise.allSettled([
      store.insert(good, newRecord()),
      store.insert(bad, newRecord({ version: 2 ** 40, data: '"a secret"' })),
      store.insert(other, newRecord()),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    const reason: unknown = results[1].status === 'rejected' ? results[1].reason : undefined
    expect(reason).toMatchObject({ name: 'SessionError', code: 'store-unavailable' })
    expect(String(reason)).not.toContain('secret')
    expect((await store.get(other))?.state).toBe('live')
    expect(await store.get(bad)).toBeUndefined()
  })
})
