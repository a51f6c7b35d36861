import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { type SentinelRedis, startSentinel } from '../../scripts/servers/redis-group.ts'
import { MissingPartError } from '../../scripts/servers/server.ts'
import { until } from '../../scripts/servers/until.ts'
import { createSentinel } from 'redis'
import { redisStore } from '../../src/stores/redis.ts'
import { storeCases } from '../../src/testing/index.ts'
import { own } from './support/own.ts'
import { playCase } from './support/play-case.ts'
import { type OpenClient, sentinelOpeners } from './support/redis-clients.ts'
import { eyeOn } from './support/redis-eye.ts'
import { newKey, newRecord, upTo } from './support/sessions.ts'
import { ownName } from './support/shared.ts'

const quietly = { onWarning: () => undefined }

describe.each(sentinelOpeners)('redisStore with $name', ({ open }) => {
  let group: SentinelRedis | undefined
  let missing = ''
  let client: OpenClient | undefined
  beforeAll(async () => {
    try {
      group = await startSentinel()
      client = await open(group.sentinel, group.name)
    } catch (error) {
      if (!(error instanceof MissingPartError)) throw error
      missing = error.message
    }
  })
  afterAll(async () => {
    await client?.close()
    await group?.stop()
  })
  beforeEach((context) => context.skip(group === undefined, missing))

  it.each(storeCases)('$name', async (storeCase) => {
    if (client === undefined) throw new Error('no client')
    const options = { client: client.client, prefix: `${ownName()}:`, ...quietly }
    await playCase(storeCase, (now) => redisStore({ ...options, now }))
  })
})

describe.each(sentinelOpeners)('redisStore with $name, when the primary is killed', ({ open }) => {
  it('RACE-7: goes on with the promoted replica, which has what was confirmed, and tells watchers', async (context) => {
    const group = await own(context, () => startSentinel())
    const { client, close } = await open(group.sentinel, group.name)
    onTestFinished(close)
    const store = redisStore({ client, replicas: { count: 1, timeout: '5s' }, ...quietly })
    onTestFinished(() => store.close())
    const heard: string[] = []
    await store.watch((notice) => void heard.push(notice.kind))
    const keys = upTo(20).map(() => newKey('ann'))
    const records = keys.map((_, n) => newRecord({ subject: 'ann', createdAt: Date.now() + n }))
    await Promise.all(keys.map((key, n) => store.insert(key, records[n]!)))
    expect(await Promise.all(keys.slice(0, 10).map((key) => store.delete(key)))).not.toContain(false)
    await group.primary.kill9()
    let listed: readonly unknown[] | undefined
    // The promoted server knows no script yet.
    await until('the store answers again', async () => {
      listed = await store.listBySubject('ann').catch(() => undefined)
      return listed !== undefined
    })
    expect(listed).toEqual(records.slice(10))
    await until('the watcher has been told, and hears again', async () => {
      const key = newKey()
      await store.insert(key, newRecord()).catch(() => undefined)
      await redisStore({ client, ...quietly })
        .delete(key)
        .catch(() => undefined)
      return heard.includes('interrupted') && heard.at(-1) === 'ended'
    })
  })

  it('STORE-10: reads from the primary even where the client keeps connections to replicas', async (context) => {
    const group = await own(context, () => startSentinel())
    const client = createSentinel({
      name: group.name,
      sentinelRootNodes: [{ host: group.sentinel.host, port: group.sentinel.port }],
      replicaPoolSize: 1,
    })
    client.on('error', () => undefined)
    await client.connect()
    onTestFinished(() => client.destroy())
    const store = redisStore({ client, ...quietly })
    const [primary, replica] = [eyeOn(group.primary.url), eyeOn(group.replica.url)]
    await primary.commands()
    await replica.commands()
    for (const _ of upTo(10)) await store.get(newKey())
    expect((await primary.commands())['mget']).toBe(10)
    expect((await replica.commands())['mget']).toBeUndefined()
  })
})
