/** What the store asks of the server, read off the server itself. */
import { createSessions } from 'sojourn'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startRedis } from '../../scripts/servers/redis.ts'
import { redisStore, type RedisStore } from '../../src/stores/redis.ts'
import { factsFor, newClient, receive } from '../support/bed.ts'
import { own } from './support/own.ts'
import { openersFor, openFor } from './support/redis-clients.ts'
import { type Eye, eyeOn } from './support/redis-eye.ts'
import { HOUR, MINUTE, newKey, newRecord, upTo } from './support/sessions.ts'

describe.each(openersFor('redis'))('redisStore with $name', (opener) => {
  const opened = async (context: Parameters<typeof own>[0]): Promise<{ store: RedisStore; eye: Eye }> => {
    const server = await own(context, () => startRedis())
    const store = redisStore({ client: await openFor(opener, server.url), onWarning: () => undefined })
    onTestFinished(() => store.close())
    await store.setup()
    const eye = eyeOn(server.url)
    // The first insertion makes the epoch.
    await store.insert(newKey(), newRecord())
    await eye.commands()
    return { store, eye }
  }

  it('asks one read for a session that is read, one more command for one that is changed, none for a new visitor', async (context) => {
    const { store, eye } = await opened(context)
    const sessions = createSessions<{ n?: number }>({ store, initial: () => ({}) })
    const client = newClient()
    const visit = async (handler: (session: Awaited<ReturnType<typeof sessions.open>>) => unknown) => {
      const session = await sessions.open(factsFor(client))
      await handler(session)
      receive(client, await session.commit())
      return await eye.commands()
    }
    expect(await visit((session) => session.data.n)).toEqual({})
    expect(await visit((session) => (session.data.n = 1))).toMatchObject({ evalsha: 1 })
    expect(await visit((session) => session.data.n)).toEqual({ mget: 1 })
    const { mget, evalsha, ...inScript } = await visit((session) => (session.data.n = 2))
    expect({ mget, evalsha }).toEqual({ mget: 1, evalsha: 1 })
    expect(inScript).toEqual({ get: 1, getrange: 1, set: 1 })
  })

  it('answers 64 concurrent reads with one command, and makes 64 concurrent changes with one', async (context) => {
    const { store, eye } = await opened(context)
    const keys = upTo(64).map(() => newKey())
    const records = keys.map(() => newRecord())
    const inserted = await Promise.all(keys.map((key, n) => store.insert(key, records[n]!)))
    expect(inserted.every(({ outcome }) => outcome === 'inserted')).toBe(true)
    await eye.commands()
    expect(await Promise.all(keys.map((key) => store.get(key)))).toEqual(records)
    expect(await eye.commands()).toEqual({ mget: 1 })
    const nexts = records.map((record) => ({ ...record, version: 2 }))
    const updated = await Promise.all(keys.map((key, n) => store.update(key, 1, nexts[n]!)))
    expect(updated).toEqual(upTo(64).map(() => ({ outcome: 'updated' })))
    expect(await eye.commands()).toEqual({ evalsha: 1, get: 1, getrange: 64, set: 64 })
    const later = Math.max(...records.map(({ seenAt }) => seenAt)) + 1
    expect(await Promise.all(keys.map((key) => store.touch(key, later, 0)))).toEqual(upTo(64).map(() => true))
    expect(await eye.commands()).toEqual({ evalsha: 1, get: 1, getrange: 64, setrange: 64 })
    expect(await Promise.all(keys.map((key) => store.get(key)))).toEqual(
      nexts.map((record) => ({ ...record, seenAt: later })),
    )
  })

  it('bounds what travels together: 100 changes, and 256 kB unless a single one is larger', async (context) => {
    const { store, eye } = await opened(context)
    const keys = upTo(250).map(() => newKey())
    const record = newRecord()
    await Promise.all(keys.map((key) => store.insert(key, record)))
    await eye.commands()
    await Promise.all(keys.map((key) => store.update(key, 1, { ...record, version: 2 })))
    expect((await eye.commands())['evalsha']).toBe(3)
    const large = { ...record, version: 3, data: JSON.stringify('x'.repeat(300_000)) }
    const half = { ...record, version: 3, data: JSON.stringify('x'.repeat(120_000)) }
    const results = await Promise.all(keys.slice(0, 5).map((key, n) => store.update(key, 2, n === 2 ? large : half)))
    expect(results.every(({ outcome }) => outcome === 'updated')).toBe(true)
    expect((await eye.commands())['evalsha']).toBe(3)
    expect(await Promise.all(keys.slice(1, 3).map((key) => store.get(key)))).toEqual([half, large])
  })

  it('changes of one session in one turn are done in their order, whatever travels with them', async (context) => {
    const { store, eye } = await opened(context)
    const [key, other, moved] = [newKey(), newKey(), newKey()]
    const record = newRecord()
    await Promise.all([store.insert(key, record), store.insert(other, record)])
    await eye.commands()
    const [second, third] = [2, 3].map((version) => ({ ...record, version, data: String(version) }))
    const fourth = { ...record, version: 4, seenAt: record.seenAt + 5 }
    const results = await Promise.all([
      store.update(key, 1, second!),
      store.update(key, 1, { ...second!, data: 'lost' }),
      store.update(key, 2, third!),
      store.touch(key, record.seenAt + 5, 0),
      store.update(other, 1, second!),
      store.get(key),
      store.rotate(key, 3, moved, fourth),
      store.update(key, 3, fourth),
      store.update(moved, 4, { ...fourth, version: 5 }),
      store.delete(moved),
      store.update(moved, 5, { ...fourth, version: 6 }),
    ])
    const updated = { outcome: 'updated' }
    expect(results).toEqual([
      updated,
      { outcome: 'conflict', current: second },
      updated,
      true,
      updated,
      { ...third, seenAt: record.seenAt + 5 },
      { outcome: 'rotated', evicted: [] },
      { outcome: 'gone' },
      updated,
      true,
      { outcome: 'gone' },
    ])
  })

  it('a change that fails at the server fails alone, and those that travel with it are done and told as done', async (context) => {
    const { store, eye } = await opened(context)
    const [first, broken, last] = [newKey(), newKey(), newKey()]
    const record = newRecord()
    await Promise.all([first, broken, last].map((key) => store.insert(key, record)))
    const name = (await eye.redis.keys(`*${broken.slice(5)}`))[0] ?? ''
    await eye.redis.del(name)
    await eye.redis.sadd(name, 'of another program')
    const next = { ...record, version: 2 }
    const [before, failed, after] = await Promise.allSettled(
      [first, broken, last].map((key) => store.update(key, 1, next)),
    )
    expect([before, after]).toEqual(upTo(2).map(() => ({ status: 'fulfilled', value: { outcome: 'updated' } })))
    expect(failed).toMatchObject({
      status: 'rejected',
      reason: { code: 'store-unavailable', message: 'redis: the server answered WRONGTYPE' },
    })
    await eye.redis.config('SET', 'maxmemory', '1')
    const full = await Promise.allSettled([first, last].map((key) => store.update(key, 2, { ...next, version: 3 })))
    const message = (result: (typeof full)[number]): string => (result.status === 'rejected' ? `${result.reason}` : '')
    for (const result of full) expect(message(result)).toContain('the server answered OOM')
    await eye.redis.config('SET', 'maxmemory', '0')
    expect([await store.get(first), await store.get(last)]).toEqual([next, next])
  })

  it('reads before and after a change of the same turn what was so before and after it', async (context) => {
    const { store, eye } = await opened(context)
    const [key, other] = [newKey(), newKey()]
    const record = newRecord()
    await store.insert(key, record)
    await store.insert(other, newRecord())
    await eye.commands()
    const next = { ...record, version: 2, data: '"next"' }
    const [before, , result, after] = await Promise.all([
      store.get(key),
      store.get(other),
      store.update(key, 1, next),
      store.get(key),
    ])
    expect([before, result, after]).toEqual([record, { outcome: 'updated' }, next])
    expect((await eye.commands())['mget']).toBe(2)
  })

  it("ends one user's 1,000 sessions with one command", async (context) => {
    const { store, eye } = await opened(context)
    await Promise.all(upTo(1000).map(() => store.insert(newKey('ann'), newRecord({ subject: 'ann' }))))
    await eye.commands()
    expect(await store.deleteBySubject('ann')).toBe(1000)
    expect(await eye.commands()).toMatchObject({ evalsha: 1, publish: 1 })
    expect(await store.countBySubject('ann')).toBe(0)
  })

  it('ends every session with one write', async (context) => {
    const { store, eye } = await opened(context)
    const keys = upTo(500).map(() => newKey())
    await Promise.all(keys.map((key) => store.insert(key, newRecord())))
    await eye.commands()
    await store.clear()
    expect(await eye.commands()).toEqual({ evalsha: 1, set: 1, publish: 1 })
    expect(await Promise.all(keys.map((key) => store.get(key)))).toEqual(keys.map(() => undefined))
  })

  it('STORE-6: goes on after SCRIPT FLUSH, and does each change once', async (context) => {
    const { store, eye } = await opened(context)
    const keys = upTo(50).map(() => newKey('ann'))
    await Promise.all(keys.map((key) => store.insert(key, newRecord({ subject: 'ann' }))))
    await eye.redis.script('FLUSH')
    const results = await Promise.all(
      keys.map(async (key) => {
        const record = await store.get(key)
        if (record?.state !== 'live') throw new Error('the session is gone')
        return await store.update(key, 1, { ...record, version: 2 })
      }),
    )
    expect(results).toEqual(keys.map(() => ({ outcome: 'updated' })))
    await eye.redis.script('FLUSH')
    expect(await store.delete(keys[0]!)).toBe(true)
    await eye.redis.script('FLUSH')
    expect(await store.countBySubject('ann')).toBe(49)
  })

  it('STORE-12: everything that is stored has a time to live, whatever was done to it', async (context) => {
    const { store, eye } = await opened(context)
    const steps: readonly (() => Promise<unknown>)[] = scenes(store)
    for (const [n, step] of steps.entries()) {
      await step()
      const { 'sojourn:{epoch}': epoch, ...rest } = await eye.lifetimes()
      expect(epoch, 'the epoch stays').toBe(-1)
      for (const [key, lifetime] of Object.entries(rest)) {
        // -2: it has gone by itself since the names were read.
        expect(lifetime > 0 || lifetime === -2, `step ${n}, ${key.slice(0, 14)}: ${lifetime}`).toBe(true)
      }
    }
  })

  it('STORE-12: a time to live is at least as long as the record lives, and the index lives as long as its longest', async (context) => {
    const { store, eye } = await opened(context)
    await eye.redis.flushall()
    const [short, long] = [newKey('ann'), newKey('ann')]
    const record = newRecord({ subject: 'ann', expiresAt: Date.now() + 1_500.75 - 0.75 })
    await store.insert(long, newRecord({ subject: 'ann', expiresAt: Date.now() + 3 * HOUR }))
    await store.insert(short, record)
    const { 'sojourn:{epoch}': _, ...lifetimes } = await eye.lifetimes()
    const sorted = Object.values(lifetimes).toSorted((a, b) => a - b)
    expect(sorted).toHaveLength(3)
    expect(sorted[0]).toBeGreaterThan(record.expiresAt - Date.now())
    expect(sorted[1]).toBeGreaterThan(3 * HOUR - 5_000)
    await store.touch(short, Date.now(), Date.now() + 9 * HOUR)
    const index = Object.entries(await eye.lifetimes()).find(([key]) => key.includes(':u:'))
    expect(index?.[1]).toBeGreaterThan(9 * HOUR - 5_000)
  })

  it('DOS-24: the index of a subject holds no more than the limit, however often the user signs in', async (context) => {
    const { store, eye } = await opened(context)
    for (const _ of upTo(20)) {
      const logins = upTo(50).map(() =>
        store.insert(newKey('ann'), newRecord({ subject: 'ann' }), { max: 5, onLimit: 'evict-oldest' }),
      )
      await Promise.all(logins)
    }
    const index = (await eye.redis.keys('*:u:*'))[0] ?? ''
    expect(await eye.redis.zcard(index)).toBe(5)
  })

  it('DOS-24: what has expired or was removed by the server leaves the index when it is next used', async (context) => {
    const server = await own(context, () => startRedis())
    let time = Date.now()
    const store = redisStore({ client: await openFor(opener, server.url), now: () => time, onWarning: () => undefined })
    const { redis } = eyeOn(server.url)
    const add = (expiresAt: number): Promise<unknown> =>
      store.insert(newKey('ann'), newRecord({ subject: 'ann', expiresAt }))
    for (const _ of upTo(10)) await add(time + HOUR / 2)
    for (const _ of upTo(3)) await add(time + HOUR)
    const index = (await redis.keys('*:u:*'))[0] ?? ''
    const [evicted = ''] = (await redis.keys('sojourn:{??}?.*')).slice(-1)
    expect(await redis.zcard(index)).toBe(13)
    time += HOUR / 2
    await redis.del(evicted)
    expect([2, 3]).toContain(await store.countBySubject('ann'))
    expect(await redis.zcard(index)).toBe(await store.countBySubject('ann'))
  })

  it('DOS-24: the index of a user who signs in for ever is as small as what lives, without a limit or a list', async (context) => {
    const server = await own(context, () => startRedis())
    let time = Date.now()
    const store = redisStore({ client: await openFor(opener, server.url), now: () => time, onWarning: () => undefined })
    const { redis } = eyeOn(server.url)
    const login = (): Promise<unknown> =>
      store.insert(newKey('ann'), newRecord({ subject: 'ann', expiresAt: time + 15 * MINUTE }))
    const sizeOf = async (): Promise<number> => await redis.zcard((await redis.keys('*:u:*'))[0] ?? '')
    for (const _ of upTo(200)) {
      await login()
      time += 2 * MINUTE
    }
    expect(await sizeOf()).toBe(8)
    // What many leave at once goes over many: each takes a few.
    await Promise.all(upTo(100).map(login))
    time += 20 * MINUTE
    for (const _ of upTo(10)) await login()
    expect(await sizeOf()).toBe(10)
    expect(await store.countBySubject('ann')).toBe(10)
  })

  it('sweeps only after everything was ended, and then takes away what that left', async (context) => {
    const { store, eye } = await opened(context)
    expect(await store.sweep(100)).toEqual({ removed: 0, isDone: true })
    await eye.commands()
    expect(await store.sweep(100)).toEqual({ removed: 0, isDone: true })
    expect(await eye.commands()).toEqual({ get: 2 })
    await Promise.all(upTo(300).map(() => store.insert(newKey('ann'), newRecord({ subject: 'ann' }))))
    await store.clear()
    const kept = newKey()
    await store.insert(kept, newRecord())
    let removed = 0
    for (const _ of upTo(100)) {
      const result = await store.sweep(10)
      expect(result.removed).toBeLessThanOrEqual(10)
      removed += result.removed
      if (result.isDone) break
    }
    // One was there before.
    expect(removed).toBe(301)
    expect((await store.get(kept))?.state).toBe('live')
    await eye.commands()
    expect(await store.sweep(100)).toEqual({ removed: 0, isDone: true })
    expect(await eye.commands()).toEqual({ get: 2 })
  })

  it('an epoch that the server has lost ends every session, and no later one brings them back', async (context) => {
    const { store, eye } = await opened(context)
    const key = newKey()
    await store.insert(key, newRecord())
    await store.clear()
    const second = newKey()
    await store.insert(second, newRecord())
    await eye.redis.del('sojourn:{epoch}')
    expect([await store.get(key), await store.get(second)]).toEqual([undefined, undefined])
    await store.insert(newKey(), newRecord())
    expect([await store.get(key), await store.get(second)]).toEqual([undefined, undefined])
  })
})

/** Every operation, in every outcome that writes or might. */
function scenes(store: RedisStore): readonly (() => Promise<unknown>)[] {
  const subject = 'ann'
  const [a, b, c, d] = [newKey(subject), newKey(subject), newKey(subject), newKey()]
  const record = newRecord({ subject })
  const mark = { state: 'dead', expiresAt: Date.now() + 30_000 } as const
  const cap = { max: 2, onLimit: 'evict-oldest' } as const
  const inAccount = { ...newRecord(), version: 2, subject }
  return [
    () => store.insert(a, record),
    () => store.insert(a, record),
    () => store.insert(d, newRecord()),
    () => store.update(a, 1, { ...record, version: 2 }),
    () => store.update(a, 1, { ...record, version: 2 }),
    () => store.touch(a, record.seenAt + 1, record.expiresAt + 1),
    () => store.touch(d, record.seenAt + 1, record.expiresAt + 1),
    () => store.rotate(a, 2, b, { ...record, version: 3 }, { tombstone: { ...mark, state: 'moved', to: b } }),
    () => store.rotate(d, 1, c, inAccount, { tombstone: mark, cap }),
    () => store.insert(newKey(subject), newRecord({ subject }), cap),
    () => store.listBySubject(subject),
    () => store.countBySubject(subject),
    () => store.delete(c, mark),
    () => store.deleteByHandle(subject, record.handle),
    () => store.insert(newKey(subject), newRecord({ subject, expiresAt: Date.now() - 1 })),
    () => store.deleteBySubject(subject, 'h'),
    () => store.clear(),
    () => store.insert(newKey(subject), newRecord({ subject })),
  ]
}
