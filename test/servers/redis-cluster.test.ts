/** What only a Cluster has: slots, and a login that goes from one to another. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { startRedisCluster } from '../../scripts/servers/redis-cluster.ts'
import { until } from '../../scripts/servers/until.ts'
import type { StoreKey } from '../../src/core/key.ts'
import { redisStore, type RedisStore } from '../../src/stores/redis.ts'
import { own } from './support/own.ts'
import { openersFor, openFor } from './support/redis-clients.ts'
import { eyeOn } from './support/redis-eye.ts'
import { newKey, newRecord, upTo } from './support/sessions.ts'
import { ownName, sharedServer } from './support/shared.ts'

const quietly = { onWarning: () => undefined }
const mark = { state: 'dead', expiresAt: Date.now() + 60_000 } as const

describe.each(openersFor('redisCluster'))('redisStore with $name', (opener) => {
  const opened = async (url: string): Promise<RedisStore> => {
    const store = redisStore({ client: await openFor(opener, url), prefix: `${ownName()}:`, ...quietly })
    onTestFinished(() => store.close())
    return store
  }

  it('ends all sessions in all slots, keeps those that begin afterwards, and finds every one by scanning', async (context) => {
    const store = await opened(sharedServer(context, 'redisCluster'))
    const keys = upTo(300).map(() => newKey())
    await Promise.all(keys.map((key) => store.insert(key, newRecord())))
    const scanned = async (): Promise<readonly StoreKey[]> => {
      const found: StoreKey[] = []
      for await (const page of store.scan({ pageSize: 7 })) found.push(...page.map(([key]) => key))
      return found.toSorted()
    }
    expect(await scanned()).toEqual(keys.toSorted())
    await store.clear()
    expect(await Promise.all(keys.map((key) => store.get(key)))).toEqual(keys.map(() => undefined))
    const next = upTo(50).map(() => newKey())
    await Promise.all(next.map((key) => store.insert(key, newRecord())))
    expect(await scanned()).toEqual(next.toSorted())
    let removed = 0
    for (let isDone = false; !isDone;) {
      const result = await store.sweep(100)
      removed += result.removed
      isDone = result.isDone
    }
    expect(removed).toBe(300)
    expect(await scanned()).toEqual(next.toSorted())
  })

  it('RACE-6: of many logins of one visitor exactly one succeeds, and one session is left', async (context) => {
    const store = await opened(sharedServer(context, 'redisCluster'))
    for (const round of upTo(10)) {
      const visitor = newKey()
      const record = newRecord()
      await store.insert(visitor, record)
      const user = `user-${round}`
      const results = await Promise.all(
        upTo(8).map(() =>
          store.rotate(visitor, 1, newKey(user), { ...newRecord({ subject: user }), version: 2 }, { tombstone: mark }),
        ),
      )
      expect(results.filter(({ outcome }) => outcome === 'rotated')).toHaveLength(1)
      expect(results.filter(({ outcome }) => outcome === 'gone')).toHaveLength(7)
      expect(await store.countBySubject(user)).toBe(1)
      expect((await store.get(visitor))?.state).toBe('dead')
    }
  })

  it('RACE-2: a login that a sign-out or a save overtakes leaves no session of the user and ends none', async (context) => {
    const store = await opened(sharedServer(context, 'redisCluster'))
    const cap = { max: 1, onLimit: 'evict-oldest' } as const
    const first = newKey('ann')
    await store.insert(first, newRecord({ subject: 'ann' }))
    const visitor = newKey()
    const record = newRecord()
    await store.insert(visitor, record)
    const login = () =>
      store.rotate(
        visitor,
        1,
        newKey('ann'),
        { ...newRecord({ subject: 'ann' }), version: 2 },
        { tombstone: mark, cap },
      )
    const saved = { ...record, version: 2 }
    await store.update(visitor, 1, saved)
    expect(await login()).toEqual({ outcome: 'conflict', current: saved })
    await store.delete(visitor)
    expect(await login()).toEqual({ outcome: 'gone' })
    expect(await store.countBySubject('ann')).toBe(1)
    expect((await store.get(first))?.state).toBe('live')
  })

  it('STORE-6: goes on after the scripts of every node are gone', async (context) => {
    const cluster = await own(context, () => startRedisCluster())
    const store = await opened(cluster.url)
    const users = upTo(60).map((n) => `user-${n}`)
    const add = () => Promise.all(users.map((user) => store.insert(newKey(user), newRecord({ subject: user }))))
    await add()
    for (const node of cluster.nodes) await eyeOn(node.url).redis.script('FLUSH')
    await add()
    expect(await Promise.all(users.map((user) => store.countBySubject(user)))).toEqual(users.map(() => 2))
    for (const node of cluster.nodes) await eyeOn(node.url).redis.script('FLUSH')
    expect(await Promise.all(users.map((user) => store.deleteBySubject(user)))).toEqual(users.map(() => 2))
  })

  it('RACE-7: goes on when a primary is killed, and has what replicas confirmed', async (context) => {
    const cluster = await own(context, () => startRedisCluster())
    const client = await openFor(opener, cluster.url)
    const store = redisStore({ client, replicas: { count: 1, timeout: '5s' }, ...quietly })
    onTestFinished(() => store.close())
    const users = upTo(60).map((n) => `user-${n}`)
    const [ended, kept] = [users.map((user) => newKey(user)), users.map((user) => newKey(user))]
    const insert = (key: StoreKey, n: number) => store.insert(key, newRecord({ subject: users[n]! }))
    await Promise.all([...ended.map(insert), ...kept.map(insert)])
    expect(await Promise.all(ended.map((key) => store.delete(key)))).not.toContain(false)
    const [victim] = await cluster.primaries()
    await victim!.kill9()
    await cluster.settled()
    let states: readonly (string | undefined)[] = []
    await until('the store answers for every slot', async () => {
      try {
        const found = await Promise.all([...ended, ...kept].map((key) => store.get(key)))
        states = found.map((entry) => entry?.state)
        return true
      } catch {
        return false
      }
    })
    expect(states).toEqual([...ended.map(() => undefined), ...kept.map(() => 'live')])
    await until('decisive changes are confirmed or refused, and what is refused may be repeated', async () => {
      const counts = await Promise.all(users.map((user) => store.countBySubject(user).catch(() => -1)))
      return counts.every((count) => count === 1)
    })
  })
})
