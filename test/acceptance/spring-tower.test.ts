// What Spring Session's and tower-sessions' tests ask (sections 4.5 and 4.6 of the acceptance cases).
//
// Does not apply, and why: Spring's shadow keys, key-space events, flush and save modes, converters, transactions and SQL
// clean-up schedules are of its own back ends; a repository without expiry (every session here ends); principal-name
// search by attribute (the subject is set by `login` and nothing else); composite id resolvers and base64 cookies. The
// HTTP layer's cases (committing before redirects, flushes and errors) are in test/fronts, the cookie's in src/core.
// Of tower-sessions: caching stores (none), changing the kind of expiry of one session (the policy is the manager's).
import { describe, expect } from 'vitest'
import { HOUR, MINUTE, START, clientWith, copyOf, newClient, tokenOf } from '../support/bed.ts'
import { inMemory, onEachStore, whoIs } from '../security/world.ts'

describe('Spring Session', () => {
  onEachStore(
    'a new session is found again with its times, and nothing is asked of a store that is not needed',
    async (world) => {
      const client = newClient()
      await world.visit(client, (session) => session.start())
      const session = await world.open(client)
      expect([session.isNew, session.isStarted, session.expiresAt]).toEqual([false, true, START + 16 * MINUTE])
      world.counting.reset()
      await (await world.open(newClient())).commit()
      expect(world.counting.count()).toBe(0)
    },
  )

  onEachStore(
    'of two copies that change different attributes both changes are kept, and the later use counts',
    async (world) => {
      const client = newClient()
      await world.visit(client, (session) => session.set('a1', 1))
      const [one, two] = [await world.open(client), await world.open(client)]
      one.set('a2', 2)
      two.set('a3', 3)
      world.clock.advance(1000)
      await one.commit()
      world.clock.advance(1000)
      await two.commit()
      expect(await world.visit(client, (session) => ({ ...session.data }))).toEqual({ a1: 1, a2: 2, a3: 3 })
      expect((await world.records())[0]?.[1].seenAt).toBe(START + 2000)
    },
  )

  onEachStore(
    'a new id and a new attribute in one request are both kept, twice in a row only the last id works',
    async (world) => {
      const client = newClient()
      await world.visit(client, (session) => session.set('a1', 1))
      const first = copyOf(client)
      await world.visit(client, async (session) => {
        await session.rotate({ grace: '0s' })
        session.set('a2', 2)
      })
      const second = copyOf(client)
      await world.visit(client, async (session) => {
        await session.rotate({ grace: '0s' })
        await session.rotate({ grace: '0s' })
      })
      expect(await world.visit(client, (session) => ({ ...session.data }))).toEqual({ a1: 1, a2: 2 })
      for (const old of [first, second]) expect(await world.visit(old, (session) => session.isStarted)).toBe(false)
      expect(await world.records()).toHaveLength(1)
    },
  )

  onEachStore('changing the id of a session that is not stored yet stores it once, under one id', async (world) => {
    const client = newClient()
    await world.visit(client, async (session) => {
      session.set('a', 1)
      await session.rotate()
    })
    expect(await world.visit(client, (session) => session.get('a'))).toBe(1)
    expect(await world.records()).toHaveLength(1)
  })

  onEachStore('changing the id of a deleted session does nothing, and neither id works', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.set('a', 1))
    const session = await world.open(client)
    await world.visit(copyOf(client), (other) => other.destroy())
    expect(await session.rotate()).toBe('gone')
    expect((await world.commit(client, session))?.cookies).toEqual([])
    expect(await world.visit(client, (again) => again.isStarted)).toBe(false)
    expect(await world.records()).toEqual([])
  })

  onEachStore('of two copies that change the id only the first new id works', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.set('a', 1))
    const [one, two] = [await world.open(client), await world.open(client)]
    const [first, second] = [copyOf(client), copyOf(client)]
    expect(await one.rotate()).toBe('rotated')
    await world.commit(first, one)
    await two.rotate()
    expect((await world.commit(second, two))?.cookies).toEqual([])
    expect(await world.records()).toHaveLength(1)
    expect(await world.visit(first, (session) => session.get('a'))).toBe(1)
  })

  onEachStore('deleting by name works once, and deleting again or what never was is no error', async (world) => {
    const client = await world.signedIn('ann')
    const user = world.sessions.forSubject('ann')
    const [summary] = await user.list()
    const handle = summary?.handle ?? ''
    expect([await user.end(handle), await user.end(handle), await user.end('never was')]).toEqual([true, false, false])
    expect(await whoIs(world, client)).toBeUndefined()
  })

  onEachStore('the list of a user follows logins and logouts, and is not moved by other data', async (world) => {
    const client = await world.signedIn('ann')
    const count = async (): Promise<readonly number[]> => [
      await world.sessions.forSubject('ann').count(),
      await world.sessions.forSubject('bob').count(),
    ]
    expect(await count()).toEqual([1, 0])
    await world.visit(client, (session) => session.set('other', 1))
    expect(await count()).toEqual([1, 0])
    await world.visit(client, (session) => session.rotate())
    expect(await count()).toEqual([1, 0])
    await world.visit(client, (session) => session.login('bob'))
    expect(await count()).toEqual([0, 1])
    await world.visit(client, (session) => session.logout())
    expect(await count()).toEqual([0, 0])
    await world.signedIn('ann')
    world.clock.advance(HOUR)
    expect(await count()).toEqual([0, 0])
  })

  inMemory('a session is expired at the very instant of its limit, not one millisecond sooner', async (world) => {
    const exact = world.another({ timeouts: { idle: '15m', touchEvery: '0s' } })
    const [before, at] = [await exact.signedIn('ann'), await exact.signedIn('bob')]
    world.clock.advance(15 * MINUTE - 1)
    expect(await whoIs(exact, before)).toBe('ann')
    world.clock.advance(1)
    expect(await whoIs(exact, at)).toBeUndefined()
  })

  onEachStore(
    'attributes that are added, changed and removed in one request are all as they were left',
    async (world) => {
      const client = newClient()
      await world.visit(client, (session) => session.set('modify', 1).set('remove', 1).set('stay', 1))
      await world.visit(client, (session) => {
        session.set('add', 1).set('modify', 2).delete('remove')
        session.set('brief', 1).delete('brief')
      })
      expect(await world.visit(client, (session) => ({ ...session.data }))).toEqual({ modify: 2, stay: 1, add: 1 })
    },
  )

  onEachStore('a large attribute comes back whole', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.set('large', 'ä'.repeat(30_000)))
    expect(await world.visit(client, (session) => session.get('large'))).toBe('ä'.repeat(30_000))
  })
})

describe('tower-sessions', () => {
  inMemory('no session is set by a route that asks for none', async (world) => {
    const client = newClient()
    expect(await world.visit(client, () => 'hello')).toBe('hello')
    expect(client.jar.size).toBe(0)
  })

  onEachStore('a bogus cookie is never kept, malformed or not', async (world) => {
    for (const bogus of ['AAAAAAAAAAAAAAAAAAAAAA', 'A'.repeat(46), 'malformed']) {
      const client = clientWith(bogus)
      await world.visit(client, (session) => session.set('foo', 42))
      expect(tokenOf(client)).not.toBe(bogus)
      expect(await world.visit(client, (session) => session.get('foo'))).toBe(42)
    }
  })

  onEachStore('removing the last value leaves an empty session that is still the same', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.set('foo', 42))
    const token = tokenOf(client)
    await world.visit(client, (session) => session.delete('foo'))
    expect([tokenOf(client), await world.visit(client, (session) => session.isStarted)]).toEqual([token, true])
  })

  onEachStore('cycling the id keeps the data and gives another id', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.set('foo', 42))
    const token = tokenOf(client)
    await world.visit(client, (session) => session.rotate())
    expect(tokenOf(client)).not.toBe(token)
    expect(await world.visit(client, (session) => session.get('foo'))).toBe(42)
  })

  inMemory('a flush empties the cookie with the attributes that it was set with', async (world) => {
    for (const cookie of [
      {},
      { domain: 'shop.example' },
      { path: '/app' },
      { sameSite: 'strict' },
      { partitioned: true },
    ] as const) {
      const { open, commit, visit } = world.another({ cookie })
      const client = newClient()
      const session = await open(client, { url: '/app/page' })
      session.start()
      const [set = ''] = (await commit(client, session))?.cookies ?? []
      const lines = await visit(
        copyOf(client),
        async (again) => {
          await again.destroy()
          return (await again.commit())?.cookies ?? []
        },
        { url: '/app/page' },
      )
      // With a domain, one of this host alone is cleared before it.
      const cleared = lines.at(-1) ?? ''
      const attributes = (line: string): readonly string[] =>
        line
          .split('; ')
          .slice(1)
          .filter((attribute) => !/^(?:Max-Age|Expires)=/.test(attribute))
      expect(attributes(cleared)).toEqual(attributes(set))
      expect(cleared).toMatch(/=; .*Max-Age=0/)
    }
  })
})
