import { expect, it } from 'vitest'
import { deadUntil, nextOf, testKey, testRecord } from '../../src/testing/cases/fixtures.ts'
import { bed, copyOf, MINUTE, newClient, testClock } from '../support/bed.ts'
import { halfRotation } from '../support/half-rotation.ts'
import { redisUnderTest } from './support/networked-stores.ts'

const OLD = testKey('visitor')
const NEW = testKey('login', 'ann')

for (const { name, missing, make } of redisUnderTest('redisCluster')) {
  it(`RACE-5 RACE-14: a login that stopped between its two slots is completed when it is asked again (${name})`, async (context) => {
    if (missing !== undefined) return context.skip(missing)
    const clock = testClock()
    const { store, close } = await make(clock.now)
    const old = testRecord(clock.now(), 'visitor')
    const login = nextOf(old, { handle: 'handle-login', subject: 'ann' })
    await store.insert(OLD, old)
    // All that the first attempt came to.
    await store.insert(NEW, login)
    const mark = deadUntil(clock.now() + MINUTE)
    expect(await store.rotate(OLD, 1, NEW, login, { tombstone: mark })).toEqual({ outcome: 'rotated', evicted: [] })
    expect(await store.get(OLD)).toEqual(mark)
    expect(await store.get(NEW)).toEqual(login)
    await close()
  })

  it(`RACE-14: a login that stopped between its two slots leaves nothing when the old session has changed since (${name})`, async (context) => {
    if (missing !== undefined) return context.skip(missing)
    const clock = testClock()
    const { store, close } = await make(clock.now)
    const old = testRecord(clock.now(), 'visitor')
    const changed = nextOf(old, { data: 'changed' })
    const login = nextOf(old, { handle: 'handle-login', subject: 'ann' })
    await store.insert(OLD, old)
    await store.insert(NEW, login)
    await store.update(OLD, 1, changed)
    expect(await store.rotate(OLD, 1, NEW, login)).toEqual({ outcome: 'conflict', current: changed })
    expect(await store.countBySubject('ann')).toBe(0)
    await close()
  })

  it(`RACE-5: a login that stopped there ends the old session when it is tried again, though the limit is reached (${name})`, async (context) => {
    if (missing !== undefined) return context.skip(missing)
    const clock = testClock()
    const { store, close } = await make(clock.now)
    const perSubject = { max: 1, onLimit: 'reject' } as const
    const { visit, open, sessions } = bed({ store: halfRotation(store), clock, perSubject })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const old = copyOf(client)
    await visit(client, (session) => session.login('ann', { keep: 'all' }))
    expect(await visit(client, (session) => [session.subject, session.get('a')])).toEqual(['ann', 1])
    expect(await sessions.forSubject('ann').count()).toBe(1)
    expect((await open(old)).isStarted).toBe(false)
    await close()
  })
}
