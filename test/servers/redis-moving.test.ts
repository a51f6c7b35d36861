/** A Cluster that moves a slot from one server to another, stopped wherever it may be. */
import type { Redis } from 'ioredis'
import type { TestContext } from 'vitest'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { type RedisCluster, startRedisCluster } from '../../scripts/servers/redis-cluster.ts'
import { MissingPartError, type Server } from '../../scripts/servers/server.ts'
import { until } from '../../scripts/servers/until.ts'
import type { StoreKey } from '../../src/core/key.ts'
import { slotOf } from '../../src/stores/redis/slots.ts'
import { redisStore } from '../../src/stores/redis.ts'
import { openersFor, openFor } from './support/redis-clients.ts'
import { eyeOn } from './support/redis-eye.ts'
import { ownName } from './support/shared.ts'
import { HOUR, newKey, newRecord } from './support/sessions.ts'

let starting: Promise<RedisCluster> | undefined
afterAll(async () => {
  const cluster = await starting?.catch(() => undefined)
  await cluster?.stop()
})

/** One Cluster for all tests here; each moves the slot of a user of its own. */
async function clusterFor(context: TestContext): Promise<RedisCluster> {
  try {
    return await (starting ??= startRedisCluster())
  } catch (error) {
    if (error instanceof MissingPartError) return context.skip(error.message)
    throw error
  }
}

const moving = {
  code: 'store-unavailable',
  message: expect.stringContaining('the cluster is moving the keys') as string,
}

describe.each(openersFor('redisCluster'))('redisStore with $name, while a Cluster moves a slot', (opener) => {
  const begun = async (context: TestContext, options: { replicas?: { count: number } } = {}) => {
    const cluster = await clusterFor(context)
    let time = Date.now()
    const prefix = `${ownName()}:`
    const client = await openFor(opener, cluster.url)
    const store = redisStore({ client, prefix, now: () => time, onWarning: () => undefined, ...options })
    onTestFinished(() => store.close())
    const user = ownName()
    const key = newKey(user)
    const record = newRecord({ subject: user, expiresAt: time + HOUR })
    await store.insert(key, record)
    return {
      store,
      user,
      key,
      record,
      move: await beginMove(cluster, `${prefix}{${key.slice(3, 5)}}`),
      /** Beyond the first deadline, ending all of the user's sessions ends this one too. */
      async expectToEnd(ended: StoreKey): Promise<void> {
        time += 2 * HOUR
        expect((await store.get(ended))?.state).toBe('live')
        expect(await store.deleteBySubject(user)).toBe(1)
        expect(await store.get(ended)).toBeUndefined()
      },
    }
  }

  for (const ahead of ['index', 'rest'] as const) {
    it(`changes nothing that it rejects, and ends what it has changed, when the ${ahead === 'index' ? 'index has' : 'others have'} gone ahead`, async (context) => {
      const { store, key, record, move, expectToEnd } = await begun(context)
      await move.send(move[ahead])
      const longer = { ...record, version: 2, expiresAt: record.expiresAt + 2 * HOUR }
      await expect(store.update(key, 1, longer)).rejects.toMatchObject(moving)
      await expect(store.touch(key, record.seenAt + 1, longer.expiresAt)).rejects.toMatchObject(moving)
      expect(await store.get(key)).toEqual(record)
      await move.finish()
      expect(await store.get(key)).toEqual(record)
      expect(await store.update(key, 1, longer)).toEqual({ outcome: 'updated' })
      await expectToEnd(key)
    })
  }

  it('is patient with a move, as long as those who asked', async (context) => {
    const { store, user, key, record, move, expectToEnd } = await begun(context)
    await move.send(move.index)
    const before = await move.refusals()
    const longer = { ...record, version: 2, expiresAt: record.expiresAt + 2 * HOUR }
    const results = Promise.allSettled([store.update(key, 1, longer), store.countBySubject(user)])
    await until('both were refused more than once', async () => (await move.refusals()) - before > 3)
    await move.finish()
    const [updated, counted] = await results
    // A machine that was too busy to move a slot within the patience has refused, and changed nothing.
    if (updated.status === 'rejected') expect(await store.update(key, 1, longer)).toEqual({ outcome: 'updated' })
    else expect(updated.value).toEqual({ outcome: 'updated' })
    if (counted.status === 'fulfilled') expect(counted.value).toBe(1)
    await expectToEnd(key)
  })

  it('goes on reading and saving what is there, beside sessions that are not', async (context) => {
    const { store, user, key, record, move } = await begun(context)
    const [gone, late] = [newKey(user), newKey(user)]
    expect(await Promise.all([key, gone, late].map((each) => store.get(each)))).toEqual([record, undefined, undefined])
    const next = { ...record, version: 2 }
    const [saved] = await Promise.allSettled([store.update(key, 1, next), store.update(gone, 1, next)])
    expect(saved).toEqual({ status: 'fulfilled', value: { outcome: 'updated' } })
    await move.send(move.rest)
    expect(await Promise.all([key, gone, late].map((each) => store.get(each)))).toEqual([next, undefined, undefined])
    await move.finish()
  })

  it('signs out where the index has gone ahead, and the index forgets that later', async (context) => {
    const { store, user, key, move } = await begun(context)
    await move.send(move.index)
    expect(await store.delete(key)).toBe(true)
    expect(await store.get(key)).toBeUndefined()
    await move.finish()
    expect(await store.countBySubject(user)).toBe(0)
  })

  it('asks again for what must be on replicas, too, and finds it on the other server', async (context) => {
    const { store, user, key, move } = await begun(context, { replicas: { count: 1 } })
    await move.send(move.index)
    const before = await move.refusals()
    const ending = Promise.allSettled([store.deleteBySubject(user)])
    await until('it was refused more than once', async () => (await move.refusals()) - before > 3)
    await move.finish()
    const [ended] = await ending
    if (ended.status === 'fulfilled') expect(ended.value).toBe(1)
    else await store.deleteBySubject(user)
    expect(await store.get(key)).toBeUndefined()
  })
})

interface Move {
  /** The names of the indexes of users, and all others in the slot. */
  readonly index: readonly string[]
  readonly rest: readonly string[]
  /** Sends these keys ahead. */
  readonly send: (names: readonly string[]) => Promise<void>
  /** How much both servers have refused so far. */
  readonly refusals: () => Promise<number>
  /** Sends what is left, and gives the slot away. */
  readonly finish: () => Promise<void>
}

async function beginMove(cluster: RedisCluster, start: string): Promise<Move> {
  const slot = slotOf(start)
  const primaries = (await cluster.primaries()).map((server) => ({ server, ...eyeOn(server.url) }))
  const held = await Promise.all(primaries.map(({ redis }) => namesIn(redis, slot)))
  const from = primaries.find((_, n) => held[n]!.length > 0)!
  const to = primaries.find((each) => each !== from)!
  const [fromId, toId] = await Promise.all([from, to].map(({ redis }) => redis.call('CLUSTER', 'MYID')))
  await to.redis.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(fromId))
  await from.redis.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(toId))
  const names = await namesIn(from.redis, slot)
  const send = (chosen: readonly string[]): Promise<void> => migrate(from.redis, to.server, chosen)
  return {
    index: names.filter((name) => name.includes('}:u:')),
    rest: names.filter((name) => !name.includes('}:u:')),
    send,
    async refusals() {
      const infos = await Promise.all([from, to].map(({ redis }) => redis.info('errorstats')))
      const counts = infos.flatMap((info) => [...info.matchAll(/^errorstat_\w+:count=(\d+)/gm)])
      return counts.reduce((sum, [, count]) => sum + Number(count), 0)
    },
    async finish() {
      await send(await namesIn(from.redis, slot))
      for (const { redis } of [to, from, ...primaries])
        await redis.call('CLUSTER', 'SETSLOT', slot, 'NODE', String(toId))
      await cluster.settled()
    },
  }
}

async function namesIn(redis: Redis, slot: number): Promise<readonly string[]> {
  return (await redis.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[]
}

/** Refused where the other server has made a key of that name meanwhile. */
async function migrate(from: Redis, to: Server, names: readonly string[]): Promise<void> {
  if (names.length > 0) await from.call('MIGRATE', '127.0.0.1', to.port, '', 0, 9_000, 'KEYS', ...names)
}
