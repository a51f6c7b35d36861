/** What several processes do to one session at once: stores with pools of their own, and a hand that holds locks. */
import type { TestContext } from 'vitest'
import { describe, expect, it, onTestFinished } from 'vitest'
import { postgresStore, type PostgresStore, type PostgresStoreOptions } from '../../src/stores/postgres.ts'
import { openPool, openStore } from './support/postgres-clients.ts'
import { type Eye, eyeOn } from './support/postgres-eye.ts'
import { newKey, newRecord, upTo } from './support/sessions.ts'
import { ownName, ownPostgresDatabase } from './support/shared.ts'

const layouts = [
  { name: 'one table', partitions: 0 },
  { name: '8 partitions', partitions: 8 },
] as const

interface Scene {
  readonly stores: readonly PostgresStore[]
  readonly eye: Eye
  readonly table: string
}

async function sceneFor(context: TestContext, count: number, options: Partial<PostgresStoreOptions>): Promise<Scene> {
  const url = await ownPostgresDatabase(context)
  const schema = ownName()
  const opened = []
  for (const _ of upTo(count)) opened.push(await openStore(url, { schema, ...options }))
  return { stores: opened.map(({ store }) => store), eye: await eyeOn(url), table: `${schema}.sojourn_sessions` }
}

describe.each(layouts)('several stores on one table: $name', ({ partitions }) => {
  const open = (context: TestContext, count: number) => sceneFor(context, count, { partitions })

  it('RACE-1: an update that had to wait is told the record that is there now, not the one it saw before', async (context) => {
    const { stores, eye, table } = await open(context, 1)
    const [store] = stores
    const key = newKey()
    const record = newRecord()
    await store!.insert(key, record)
    await eye.client.query('begin')
    await eye.client.query(`update ${table} set version = 2, data = '"theirs"' where key = $1`, [key])
    const update = store!.update(key, 1, { ...record, version: 2, data: '"ours"' })
    await eye.waiting(1)
    await eye.client.query('commit')
    expect(await update).toEqual({ outcome: 'conflict', current: { ...record, version: 2, data: '"theirs"' } })
  })

  it('RACE-2 RACE-3: an update, a touch and a rotation that had to wait for an ending find it', async (context) => {
    const { stores, eye, table } = await open(context, 1)
    const [store] = stores
    const [key, other, third] = [newKey(), newKey(), newKey()]
    const record = newRecord()
    for (const each of [key, other, third]) await store!.insert(each, { ...record, handle: each })
    const mark = { state: 'dead', expiresAt: record.expiresAt } as const
    await eye.client.query('begin')
    await eye.client.query(`update ${table} set state = 'dead' where key = $1`, [key])
    await eye.client.query(`delete from ${table} where key in ($1, $2)`, [other, third])
    const results = [
      store!.update(key, 1, { ...record, version: 2 }),
      store!.touch(other, record.seenAt, record.expiresAt + 1),
      store!.rotate(third, 1, newKey(), { ...record, version: 2 }),
    ]
    await eye.waiting(3)
    await eye.client.query('commit')
    expect(await Promise.all(results)).toEqual([{ outcome: 'gone', tombstone: mark }, false, { outcome: 'gone' }])
  })

  it('RACE-1: five stores with a hundred increments each end with the exact sum', async (context) => {
    const { stores } = await open(context, 5)
    const key = newKey()
    await stores[0]!.insert(key, newRecord({ data: '0' }))
    const increment = async (store: PostgresStore): Promise<void> => {
      let current = await store.get(key)
      for (;;) {
        if (current?.state !== 'live') throw new Error('the session is gone')
        const next = { ...current, version: current.version + 1, data: `${Number(current.data) + 1}` }
        const result = await store.update(key, current.version, next)
        if (result.outcome === 'updated') return
        expect(result.outcome).toBe('conflict')
        if (result.outcome === 'conflict') {
          expect(result.current.version).toBeGreaterThan(current.version)
          current = result.current
        }
      }
    }
    await Promise.all(upTo(500).map((n) => increment(stores[n % 5]!)))
    expect(await stores[0]!.get(key)).toMatchObject({ data: '500', version: 501 })
  })

  it('RACE-6: of forty rotations of one session by four stores exactly one wins', async (context) => {
    const { stores } = await open(context, 4)
    for (const _ of upTo(5)) {
      const key = newKey()
      const record = newRecord()
      await stores[0]!.insert(key, record)
      const targets = upTo(40).map(() => newKey())
      const expiresAt = record.expiresAt
      const results = await Promise.all(
        targets.map((to, n) =>
          stores[n % 4]!.rotate(
            key,
            1,
            to,
            { ...record, version: 2 },
            { tombstone: { state: 'moved', to, expiresAt } },
          ),
        ),
      )
      const winner = targets[results.findIndex(({ outcome }) => outcome === 'rotated')]
      const losers = results.filter(({ outcome }) => outcome !== 'rotated')
      expect(losers).toEqual(
        upTo(39).map(() => ({ outcome: 'gone', tombstone: { state: 'moved', to: winner, expiresAt } })),
      )
      const found = await Promise.all(targets.map((to) => stores[1]!.get(to)))
      expect(found.filter((entry) => entry?.state === 'live')).toHaveLength(1)
    }
  })

  it('ASVS5-7.1.2 DOS-5: 50 concurrent logins by five stores with a limit of 3 leave exactly 3', async (context) => {
    const { stores } = await open(context, 5)
    for (const onLimit of ['evict-oldest', 'reject'] as const) {
      const subject = `ann-${onLimit}`
      const logins = upTo(50).map(async (n) => {
        const store = stores[n % 5]!
        const owned = newRecord({ subject, createdAt: Date.now() + n })
        const cap = { max: 3, onLimit }
        // Half sign in with a session, half without.
        if (n % 2 === 0) return await store.insert(newKey(subject), owned, cap)
        const key = newKey()
        await store.insert(key, newRecord())
        return await store.rotate(key, 1, newKey(subject), { ...owned, version: 2 }, { cap })
      })
      const results = await Promise.all(logins)
      const live = (await stores[0]!.listBySubject(subject)).map(({ handle }) => handle)
      expect(live).toHaveLength(3)
      const done = results.filter(({ outcome }) => outcome === 'inserted' || outcome === 'rotated')
      const evicted = results.flatMap((result) => ('evicted' in result ? result.evicted : []))
      expect(done).toHaveLength(onLimit === 'reject' ? 3 : 50)
      expect(evicted).toHaveLength(done.length - 3)
      expect(new Set([...evicted, ...live]).size).toBe(done.length)
    }
  })

  it('a session that is being ended just now costs no other its life', async (context) => {
    const { stores, eye, table } = await open(context, 1)
    const [store] = stores
    const [first, second] = [newKey('ann'), newKey('ann')]
    await store!.insert(first, newRecord({ subject: 'ann', createdAt: 1 }))
    await store!.insert(second, newRecord({ subject: 'ann', createdAt: 2 }))
    await eye.client.query('begin')
    await eye.client.query(`delete from ${table} where key = $1`, [first])
    const login = store!.insert(newKey('ann'), newRecord({ subject: 'ann' }), { max: 2, onLimit: 'evict-oldest' })
    await eye.waiting(1)
    await eye.client.query('commit')
    expect(await login).toEqual({ outcome: 'inserted', evicted: [] })
    expect((await store!.get(second))?.state).toBe('live')
  })

  it('RACE-10: ending all of a user finds the session that is being rotated, or the rotation finds it gone', async (context) => {
    const { stores } = await open(context, 3)
    const [ender, ...rotators] = stores
    for (const n of upTo(60)) {
      const subject = `user-${n}`
      const keys = [newKey(subject), newKey(subject)]
      const records = keys.map(() => newRecord({ subject }))
      for (const [i, key] of keys.entries()) await ender!.insert(key, records[i]!)
      const end = (): Promise<unknown> =>
        n % 2 === 0 ? ender!.deleteBySubject(subject) : ender!.deleteByHandle(subject, records[0]!.handle)
      const work = [
        ...keys.map(async (from, i) => {
          let at = from
          for (const version of [1, 2, 3]) {
            const to = newKey(subject)
            const { outcome } = await rotators[i]!.rotate(at, version, to, { ...records[i]!, version: version + 1 })
            if (outcome !== 'rotated') return
            at = to
          }
        }),
        end(),
      ]
      const ended = (await Promise.all(work)).at(-1)
      const left = (await ender!.listBySubject(subject)).map(({ handle }) => handle)
      if (n % 2 === 0) expect({ ended, left }).toEqual({ ended: 2, left: [] })
      else expect({ ended, left }).toEqual({ ended: true, left: [records[1]!.handle] })
    }
  })

  it('RACE-10: ending all of a user waits for a login that has begun, and ends it', async (context) => {
    const { stores, eye, table } = await open(context, 2)
    const [store, other] = stores
    const key = newKey()
    await store!.insert(key, newRecord())
    await eye.client.query('begin')
    await eye.client.query(`select from ${table} where key = $1 for update`, [key])
    const login = store!.rotate(key, 1, newKey('ann'), newRecord({ subject: 'ann', version: 2 }))
    await eye.waiting(1)
    const end = other!.deleteBySubject('ann')
    await eye.waiting(2)
    await eye.client.query('commit')
    expect((await login).outcome).toBe('rotated')
    expect(await end).toBe(1)
  })

  it('begins again after a deadlock', async (context) => {
    const { stores, eye, table } = await open(context, 1)
    const [store] = stores
    const [first, second] = [newKey('ann'), newKey('ann')].toSorted()
    const record = newRecord()
    for (const key of [first!, second!]) await store!.insert(key, { ...record, subject: 'ann', handle: key })
    // The server ends the one that looks first: not the hand.
    await eye.client.query(`set deadlock_timeout = '1min'`)
    await eye.client.query('begin')
    await eye.client.query(`select from ${table} where key = $1 for update`, [second])
    const ended = store!.deleteBySubject('ann')
    await eye.waiting(1)
    await eye.client.query(`select from ${table} where key = $1 for update`, [first])
    await eye.client.query('commit')
    expect(await ended).toBe(2)
  })

  it('sweeps beside a session that somebody holds, and beside another sweep', async (context) => {
    const { stores, eye, table } = await open(context, 2)
    const keys = upTo(300).map(() => newKey())
    await Promise.all(keys.map((key) => stores[0]!.insert(key, newRecord({ expiresAt: Date.now() - 1 }))))
    await eye.client.query('begin')
    await eye.client.query(`select from ${table} where key = $1 for update`, [keys[0]])
    const swept = await Promise.all(stores.map((store) => store.sweep(1000)))
    expect(swept[0]!.removed + swept[1]!.removed).toBe(299)
    await eye.client.query('commit')
    expect(await stores[0]!.sweep(1000)).toEqual({ removed: 1, isDone: true })
  })
})

it('refuses to decide anything in transactions that do not see what others have done', async (context) => {
  const url = await ownPostgresDatabase(context)
  const { schema } = await openStore(url)
  const { client, close } = openPool(url, { options: '-c default_transaction_isolation=repeatable\\ read' })
  onTestFinished(close)
  const store = postgresStore({ client, schema })
  const refused = store.insert(newKey('ann'), newRecord({ subject: 'ann' }), { max: 1, onLimit: 'reject' })
  await expect(refused).rejects.toMatchObject({ code: 'store-unavailable', message: /read committed/ })
  await expect(store.setup()).rejects.toMatchObject({
    code: 'unsupported',
    message: /'repeatable read'.*read committed/,
  })
})
