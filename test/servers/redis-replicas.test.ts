import { describe, expect, it, onTestFinished } from 'vitest'
import { startRedisCluster } from '../../scripts/servers/redis-cluster.ts'
import { startRedisReplicated } from '../../scripts/servers/redis-group.ts'
import { redisStore, type RedisStore } from '../../src/stores/redis.ts'
import { own } from './support/own.ts'
import { openersFor, openFor } from './support/redis-clients.ts'
import { eyeOn } from './support/redis-eye.ts'
import { newKey, newRecord, upTo } from './support/sessions.ts'

const quietly = { onWarning: () => undefined }
const unavailable = { name: 'SessionError', code: 'store-unavailable' }

/** Every decisive operation of a store, on sessions that another one makes. */
async function decisive(
  store: RedisStore,
  maker: RedisStore,
): Promise<Readonly<Record<string, () => Promise<unknown>>>> {
  const keys = upTo(3).map(() => newKey('ann'))
  const [rotated, deleted, byHandle] = keys.map(() => newRecord({ subject: 'ann' }))
  for (const [n, record] of [rotated!, deleted!, byHandle!].entries()) await maker.insert(keys[n]!, record)
  return {
    insert: () => store.insert(newKey('ann'), newRecord({ subject: 'ann' })),
    rotate: () => store.rotate(keys[0]!, 1, newKey('ann'), { ...rotated!, version: 2 }),
    delete: () => store.delete(keys[1]!),
    deleteByHandle: () => store.deleteByHandle('ann', byHandle!.handle),
    deleteBySubject: () => store.deleteBySubject('ann'),
    clear: () => store.clear(),
  }
}

describe.each(openersFor('redis'))('redisStore with replicas, $name', (opener) => {
  it('STORE-9: logins, rotations and endings fail when fewer replicas confirm them than demanded', async (context) => {
    const { primary, replica } = await own(context, () => startRedisReplicated())
    const client = await openFor(opener, primary.url)
    const open = (timeout: '30s' | '100ms'): RedisStore => {
      const store = redisStore({ client, replicas: { count: 1, timeout }, ...quietly })
      onTestFinished(() => store.close())
      return store
    }
    const [patient, hasty] = [open('30s'), open('100ms')]
    for (const [name, call] of Object.entries(await decisive(patient, patient)))
      await expect(call(), name).resolves.not.toThrow()
    const calls = await decisive(hasty, patient)
    await replica.kill9()
    for (const [name, call] of Object.entries(calls)) await expect(call(), name).rejects.toMatchObject(unavailable)
    await replica.restart()
    const again = await patient.insert(newKey('ann'), newRecord({ subject: 'ann' }))
    expect(again.outcome).toBe('inserted')
  })

  it('RACE-7 STORE-9: an ending that is asked again over another connection is confirmed, though it finds nothing to end', async (context) => {
    const { primary, replica } = await own(context, () => startRedisReplicated())
    const client = await openFor(opener, primary.url)
    const open = (timeout: '30s' | '100ms'): RedisStore => {
      const store = redisStore({ client, replicas: { count: 1, timeout }, ...quietly })
      onTestFinished(() => store.close())
      return store
    }
    const [maker, first, second] = [open('30s'), open('100ms'), open('100ms')]
    const key = newKey('ann')
    await maker.insert(key, newRecord({ subject: 'ann' }))
    await replica.kill9()
    await expect(first.delete(key)).rejects.toMatchObject(unavailable)
    await expect(second.delete(key)).rejects.toMatchObject(unavailable)
    await expect(second.deleteBySubject('ann')).rejects.toMatchObject(unavailable)
  })

  it('STORE-9: demands more replicas than there are in vain', async (context) => {
    const { primary } = await own(context, () => startRedisReplicated())
    const client = await openFor(opener, primary.url)
    const store = redisStore({ client, replicas: { count: 2, timeout: '50ms' }, ...quietly })
    onTestFinished(() => store.close())
    await expect(store.delete(newKey())).rejects.toMatchObject(unavailable)
  })

  it('reads, saves and touches do not wait for a replica that is down', async (context) => {
    const { primary, replica } = await own(context, () => startRedisReplicated())
    const client = await openFor(opener, primary.url)
    const store = redisStore({ client, replicas: { count: 1, timeout: '5s' }, ...quietly })
    onTestFinished(() => store.close())
    const key = newKey()
    const record = newRecord()
    await store.insert(key, record)
    await replica.kill9()
    const login = store.insert(newKey('ann'), newRecord({ subject: 'ann' }))
    let isWaiting = true
    const answered = login.then(
      () => undefined,
      (error: unknown) => {
        isWaiting = false
        return error
      },
    )
    // The login is at the server before the others are asked.
    const { redis } = eyeOn(primary.url)
    while (!(await redis.info('clients')).includes('blocked_clients:1')) continue
    expect(await store.get(key)).toEqual(record)
    expect(await store.touch(key, record.seenAt, record.expiresAt)).toBe(true)
    expect(await store.update(key, 1, { ...record, version: 2 })).toEqual({ outcome: 'updated' })
    expect(isWaiting).toBe(true)
    expect(await answered).toMatchObject(unavailable)
  })

  it('decisive operations of one turn wait together', async (context) => {
    const { primary } = await own(context, () => startRedisReplicated())
    const client = await openFor(opener, primary.url)
    const store = redisStore({ client, replicas: { count: 1 }, ...quietly })
    onTestFinished(() => store.close())
    await store.insert(newKey('ann'), newRecord({ subject: 'ann' }))
    const eye = eyeOn(primary.url)
    await eye.commands()
    await Promise.all(upTo(40).map(() => store.insert(newKey('ann'), newRecord({ subject: 'ann' }))))
    const { evalsha, wait } = await eye.commands()
    expect(evalsha).toBe(40)
    expect(wait).toBeLessThan(10)
    await eye.redis.script('FLUSH')
    await expect(store.deleteBySubject('ann')).resolves.toBe(41)
  })
})

describe.each(openersFor('redisCluster'))('redisStore with replicas, $name', (opener) => {
  it('STORE-9: a login in a Cluster waits for the replica of its slot', async (context) => {
    const cluster = await own(context, () => startRedisCluster())
    const client = await openFor(opener, cluster.url)
    const open = (timeout: '30s' | '100ms'): RedisStore => {
      const store = redisStore({ client, replicas: { count: 1, timeout }, ...quietly })
      onTestFinished(() => store.close())
      return store
    }
    const [patient, hasty] = [open('30s'), open('100ms')]
    for (const [name, call] of Object.entries(await decisive(patient, patient)))
      await expect(call(), name).resolves.not.toThrow()
    const calls = await decisive(hasty, patient)
    const primaries = await cluster.primaries()
    await Promise.all(cluster.nodes.filter((node) => !primaries.includes(node)).map((node) => node.kill9()))
    for (const [name, call] of Object.entries(calls)) await expect(call(), name).rejects.toMatchObject(unavailable)
  })
})
