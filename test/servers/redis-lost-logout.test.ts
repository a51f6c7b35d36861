import { expect, it, onTestFinished } from 'vitest'
import { redisCli } from '../../scripts/servers/redis.ts'
import { startRedisReplicated } from '../../scripts/servers/redis-group.ts'
import { redisStore } from '../../src/stores/redis.ts'
import { HOUR, MINUTE, bed, copyOf, testClock } from '../support/bed.ts'
import { own } from './support/own.ts'
import { openersFor, openFor } from './support/redis-clients.ts'

const QUIET = { onWarning: () => undefined }

for (const opener of openersFor('redis')) {
  it(`RACE-7: a logout that the promoted replica never heard of outlives no absolute limit; a login or logout that replicas must confirm is not acknowledged (${opener.name})`, async (context) => {
    const { primary, replica } = await own(context, () => startRedisReplicated())
    const clock = testClock()
    const open = async (
      url: string,
      replicas?: { count: number; timeout: '30s' | '100ms' },
    ): Promise<ReturnType<typeof bed>> => {
      const client = await openFor(opener, url)
      const store = redisStore({ client, now: clock.now, ...QUIET, ...(replicas && { replicas }) })
      onTestFinished(() => store.close())
      return bed({ store, clock })
    }
    const before = await open(primary.url)
    const patient = await open(primary.url, { count: 1, timeout: '30s' })
    const careful = await open(primary.url, { count: 1, timeout: '100ms' })
    const [ann, bob] = [await patient.signedIn('ann'), await patient.signedIn('bob')]
    const [annsThief, bobsThief] = [copyOf(ann), copyOf(bob)]
    const began = clock.now()

    // Promoted by hand: from now on the two are apart, and the application has not heard of it yet.
    await redisCli(replica.port, 'replicaof', 'no', 'one')
    const unavailable = { code: 'store-unavailable' }
    await expect(careful.visit(copyOf(bob), (session) => session.logout())).rejects.toMatchObject(unavailable)
    // The primary has this login, and the answer to a second attempt must not be taken from there.
    await expect(careful.signedIn('eve')).rejects.toMatchObject(unavailable)
    await before.visit(ann, (session) => session.logout())
    expect(await before.visit(copyOf(annsThief), ({ subject }) => subject)).toBeUndefined()
    await primary.kill9()

    const after = await open(replica.url)
    for (const user of ['ann', 'bob']) expect(await after.sessions.forSubject(user).count(), user).toBe(1)
    let last = 0
    for (let minute = 5; minute < 13 * 60; minute += 5) {
      clock.advance(5 * MINUTE)
      if ((await after.visit(annsThief, ({ subject }) => subject)) === 'ann') last = clock.now() - began
      // What is ended again on the promoted server stays ended.
      if (minute === 5) expect(await after.sessions.forSubject('bob').endAll()).toBe(1)
      expect(await after.visit(copyOf(bobsThief), ({ subject }) => subject)).toBeUndefined()
    }
    expect(last).toBeGreaterThan(0)
    expect(last).toBeLessThan(12 * HOUR)
  })
}
