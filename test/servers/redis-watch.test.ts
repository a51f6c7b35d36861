import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { startRedis } from '../../scripts/servers/redis.ts'
import { until } from '../../scripts/servers/until.ts'
import type { StoreKey } from '../../src/core/key.ts'
import type { StoreNotice } from '../../src/core/store.ts'
import { redisStore, type RedisStore } from '../../src/stores/redis.ts'
import { own } from './support/own.ts'
import { openers, openersFor, openFor } from './support/redis-clients.ts'
import { eyeOn } from './support/redis-eye.ts'
import { newKey, newRecord, upTo } from './support/sessions.ts'
import { ownName, sharedServer } from './support/shared.ts'

/** The store of another process, as far as Redis can tell. */
async function twoStores(opener: (typeof openers)[number], url: string): Promise<[RedisStore, RedisStore]> {
  const prefix = `${ownName()}:`
  const make = async (): Promise<RedisStore> => {
    const store = redisStore({ client: await openFor(opener, url), prefix, onWarning: () => undefined })
    onTestFinished(() => store.close())
    return store
  }
  return [await make(), await make()]
}

describe.each(openers)('redisStore with $name', (opener) => {
  it('tells the watchers of other processes of every ending, and of nothing else', async (context) => {
    const [here, there] = await twoStores(opener, sharedServer(context, opener.server))
    const heard: StoreNotice[] = []
    const stop = await there.watch((notice) => void heard.push(notice))
    const expected: StoreKey[] = []
    const expectAfter = async (call: () => Promise<unknown>, ...keys: StoreKey[]): Promise<void> => {
      await call()
      expected.push(...keys)
      await until('the endings are heard', async () => heard.length >= expected.length)
      const told = heard.map((notice) => (notice.kind === 'ended' ? notice.key : notice.kind))
      expect(told.toSorted()).toEqual(expected.toSorted())
    }
    const keys = upTo(7).map(() => newKey('ann'))
    const records = keys.map((_, n) => newRecord({ subject: 'ann', createdAt: Date.now() + n }))
    for (const n of upTo(6)) await here.insert(keys[n]!, records[n]!)
    await here.update(keys[0]!, 1, { ...records[0]!, version: 2 })
    await here.touch(keys[0]!, Date.now(), records[0]!.expiresAt + 9)
    await here.delete(newKey())
    await expectAfter(() => here.delete(keys[1]!), keys[1]!)
    await expectAfter(() => here.deleteByHandle('ann', records[2]!.handle), keys[2]!)
    await expectAfter(() => here.insert(keys[6]!, records[6]!, { max: 4, onLimit: 'evict-oldest' }), keys[0]!)
    const visitor = newKey()
    await here.insert(visitor, newRecord())
    await expectAfter(
      () => here.rotate(visitor, 1, newKey('bob'), { ...newRecord({ subject: 'bob' }), version: 2 }),
      visitor,
    )
    await expectAfter(() => here.deleteBySubject('ann', records[3]!.handle), keys[4]!, keys[5]!, keys[6]!)
    heard.length = 0
    await here.clear()
    await until('the clearing is heard', async () => heard.length > 0)
    expect(new Set(heard.map(({ kind }) => kind))).toEqual(new Set(['cleared']))
    await stop()
    const isQuiet = heard.length
    const last = newKey()
    await here.insert(last, newRecord())
    await here.delete(last)
    await there.get(last)
    expect(heard.length).toBe(isQuiet)
  })
})

describe.each(openersFor('redis'))('redisStore with $name', (opener) => {
  it('RACE-8: says that notices may be missing when the connection is lost, and hears again when it is back', async (context) => {
    const server = await own(context, () => startRedis())
    const [here, there] = await twoStores(opener, server.url)
    const heard: string[] = []
    await there.watch((notice) => void heard.push(notice.kind))
    const { redis } = eyeOn(server.url)
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await until('the loss and the return are told', async () => heard.length === 2)
    expect(heard).toEqual(['interrupted', 'interrupted'])
    const key = newKey()
    await here.insert(key, newRecord())
    await here.delete(key)
    await until('the ending is heard', async () => heard.length === 3)
    expect(heard[2]).toBe('ended')
  })

  it('RACE-8: hears again after the server was killed and came back', async (context) => {
    const server = await own(context, () => startRedis())
    const [here, there] = await twoStores(opener, server.url)
    const heard: string[] = []
    await there.watch((notice) => void heard.push(notice.kind))
    await server.kill9()
    await until('the loss is told', async () => heard.length === 1)
    await server.restart()
    await until('the return is told', async () => heard.length === 2)
    expect(heard).toEqual(['interrupted', 'interrupted'])
    await until('the ending of a session is heard', async () => {
      const key = newKey()
      await here.insert(key, newRecord()).catch(() => undefined)
      await here.delete(key).catch(() => undefined)
      return heard.includes('ended')
    })
  })

  it('shares one connection among watchers, and gives it back with the last', async (context) => {
    const server = await own(context, () => startRedis())
    const [store] = await twoStores(opener, server.url)
    const { redis } = eyeOn(server.url)
    const subscribers = async (): Promise<number> =>
      String(await redis.call('CLIENT', 'LIST', 'TYPE', 'PUBSUB'))
        .split('\n')
        .filter((line) => line !== '').length
    const stops = await Promise.all(upTo(3).map(() => store.watch(() => undefined)))
    expect(await subscribers()).toBe(1)
    await stops[0]?.()
    await stops[1]?.()
    expect(await subscribers()).toBe(1)
    await stops[2]?.()
    await until('the connection is closed', async () => (await subscribers()) === 0)
    await store.watch(() => undefined)
    await store.close()
    await until('close ends it too', async () => (await subscribers()) === 0)
    await expect(store.watch(() => undefined)).rejects.toMatchObject({ code: 'closed' })
  })

  it('a watcher that throws keeps nobody else from hearing', async (context) => {
    const shared = inject('redis')
    if ('missing' in shared) return context.skip(shared.missing)
    const [store] = await twoStores(opener, shared.url)
    const heard: string[] = []
    await store.watch(() => {
      throw new Error('broken')
    })
    await store.watch((notice) => void heard.push(notice.kind))
    await store.clear()
    await until('the other heard', async () => heard.length === 1)
  })
})
