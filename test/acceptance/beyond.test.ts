// Cases that none of the trusted suites has (section 4.10 of the acceptance cases). The fifth, the scenarios of the four
// originals over HTTP, is in test/originals, and the seventh, clients without cookies, in test/carriers.test.ts.
import { describe, expect } from 'vitest'
import { pausableStore } from '../../src/testing/index.ts'
import { MINUTE, copyOf, newClient, tokenOf } from '../support/bed.ts'
import { onEachStore } from '../security/world.ts'

describe('what no other suite asks', () => {
  onEachStore('two overlapping requests that set different keys are both kept', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.set('a', 0))
    const [one, two] = [await world.open(client), await world.open(client)]
    one.set('cart', ['tea'])
    two.set('theme', 'dark')
    await Promise.all([one.commit(), two.commit()])
    expect(await world.visit(client, (session) => ({ ...session.data }))).toEqual({
      a: 0,
      cart: ['tea'],
      theme: 'dark',
    })
  })

  onEachStore('overlapping increments add up exactly, and no request waits for the whole of another', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.set('n', 0))
    const slow = await world.open(client)
    await slow.increment('n')
    // The slow request is not over yet, and fifty others count meanwhile.
    await Promise.all(
      Array.from({ length: 50 }, () => world.visit(copyOf(client), (session) => session.increment('n'))),
    )
    await slow.increment('n')
    await slow.commit()
    expect(await world.visit(client, (session) => session.get('n'))).toBe(52)
  })

  onEachStore("a deletion between the store's reading and its writing leaves no ghost", async (world) => {
    const paused = pausableStore(world.counting.store)
    const { open, visit } = world.another({ store: paused.store })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const session = await open(client)
    session.set('b', 1)
    paused.hold({ method: 'update' })
    const commit = session.commit()
    const held = await paused.nextHeld({ method: 'update' })
    await world.visit(copyOf(client), (other) => other.destroy())
    held.release()
    await expect(commit).rejects.toMatchObject({ code: 'gone' })
    expect(await world.records()).toEqual([])
  })

  onEachStore(
    'of twenty requests under way during a rotation all succeed and all land in one session',
    async (world) => {
      const client = newClient()
      await world.visit(client, (session) => session.set('n', 0))
      const old = copyOf(client)
      const underWay = await Promise.all(Array.from({ length: 10 }, () => world.open(client)))
      await world.visit(client, (session) => session.rotate())
      const late = await Promise.all(Array.from({ length: 10 }, () => world.open(old)))
      const results = await Promise.all(
        [...underWay, ...late].map(async (session, i) => {
          session.set(`request-${i}`, true)
          await session.increment('n')
          return (await session.commit())?.cookies
        }),
      )
      expect(results).toEqual(results.map(() => []))
      expect(await world.records()).toHaveLength(1)
      expect(await world.visit(client, (session) => [session.get('n'), session.keys().length])).toEqual([20, 21])
      world.clock.advance(10_001)
      expect(await world.visit(old, (session) => session.isStarted)).toBe(false)
      expect(await world.visit(client, (session) => session.get('n'))).toBe(20)
      expect(tokenOf(client)).not.toBe(tokenOf(old))
    },
  )

  onEachStore('the idle limit is enforced when a session is loaded, not only by the sweep', async (world) => {
    const { visit } = world.another({ timeouts: { idle: '10m', touchEvery: '0s' }, sweepEvery: '30d' })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    world.clock.advance(10 * MINUTE)
    expect(await visit(client, (session) => session.get('a'))).toBeUndefined()
    expect(world.counting.count('sweep')).toBe(0)
  })

  onEachStore('WSTG-SESS-08: no key of the data can stand in for a fact of the engine', async (world) => {
    const client = newClient()
    const keys = [
      'subject',
      'user',
      '__user',
      'authentication',
      'meta',
      'binding',
      'until',
      'level',
      '$subject',
      'v',
      'data',
    ]
    await world.visit(client, (session) => {
      for (const key of keys) session.set(key, 'admin')
    })
    await world.visit(client, (session) => {
      expect([session.subject, session.authentication, session.handle === 'admin']).toEqual([
        undefined,
        undefined,
        false,
      ])
      expect(() => session.requireFresh({ within: '30d' })).toThrow(/authenticate again/)
    })
    const [[, record] = []] = await world.records()
    expect([record?.subject, record?.meta]).toEqual([undefined, ''])
    const user = await world.signedIn('ann')
    await world.visit(user, (session) => keys.forEach((key) => session.set(key, 'admin')))
    expect(await world.visit(user, (session) => [session.subject, session.authentication?.level])).toEqual(['ann', 1])
    // Flash messages are kept beside the data, under a key that the data cannot have.
    const forging = await world.open(user)
    forging.set('$flash', [{ kind: 'info', message: 'forged' }])
    await expect(forging.commit()).rejects.toThrow(/data\.\$flash is for flash messages/)
    expect(await world.visit(user, (session) => session.flashes())).toEqual([])
  })
})
