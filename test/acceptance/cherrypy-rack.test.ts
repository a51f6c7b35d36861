// What CherryPy's and rack-session's tests ask (sections 4.3 and 4.4 of the acceptance cases), in this project's words.
//
// Does not apply, and why: CherryPy's clean-up thread (no thread; a sweep in the background) and its locks; its streamed
// bodies, 404 and 405 pages are the fronts' (test/fronts). Of rack-session: the unhashed legacy id (there never was one),
// and its cookie store and encryptor, which keep the data at the client. Secure cookies over plain http and SameSite as
// a function are the cookie's (src/core/cookie-carrier.test.ts); renewal by age is `rotation.every`.
import { describe, expect } from 'vitest'
import { HOUR, MINUTE, clientWith, copyOf, newClient, settled, tokenOf } from '../support/bed.ts'
import { inMemory, onEachStore } from '../security/world.ts'

describe('CherryPy', () => {
  onEachStore('five clients of one session, thirty requests each, count to exactly 151', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.increment('count'))
    const requests = Array.from({ length: 5 }, async () => {
      for (let i = 0; i < 30; i++) await world.visit(copyOf(client), (session) => session.increment('count'))
    })
    await Promise.all(requests)
    expect(await world.visit(client, (session) => session.get('count'))).toBe(151)
  })

  onEachStore('the same with a pause between reading and writing, in which the others go on', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.set('count', 1))
    const pausing = async (data: Record<string, unknown>): Promise<void> => {
      const count = Number(data['count'])
      await settled()
      data['count'] = count + 1
    }
    const requests = Array.from({ length: 5 }, async () => {
      for (let i = 0; i < 10; i++) await world.visit(copyOf(client), (session) => session.update(pausing))
    })
    await Promise.all(requests)
    expect(await world.visit(client, (session) => session.get('count'))).toBe(51)
  })

  onEachStore('a counter goes on from request to request, and begins anew after the timeout', async (world) => {
    const client = newClient()
    const count = (): Promise<number> => world.visit(client, (session) => session.increment('counter'))
    expect([await count(), await count(), await count()]).toEqual([1, 2, 3])
    world.clock.advance(HOUR)
    expect(await count()).toBe(1)
  })

  onEachStore(
    'a record that is removed under a session makes the next request begin anew, without an error',
    async (world) => {
      const client = newClient()
      await world.visit(client, (session) => session.set('a', 1))
      for (const [key] of await world.records()) await world.raw.delete(key)
      expect(await world.visit(client, (session) => [session.isNew, session.keys()])).toEqual([true, []])
    },
  )

  onEachStore('regenerating gives another id, and an id that somebody thought up is not kept', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.start())
    const first = tokenOf(client)
    await world.visit(client, (session) => session.rotate())
    expect(tokenOf(client)).not.toBe(first)
    const malicious = clientWith('maliciousid')
    await world.visit(malicious, (session) => session.start())
    expect(tokenOf(malicious)).not.toBe('maliciousid')
  })

  onEachStore(
    'with a cookie that ends with the browser a restart gives a new session, and both end on the server in time',
    async (world) => {
      const browser = newClient()
      await world.visit(browser, (session) => session.set('n', 1))
      const kept = copyOf(browser)
      browser.jar.clear()
      await world.visit(browser, (session) => session.set('n', 2))
      expect(tokenOf(browser)).not.toBe(tokenOf(kept))
      world.clock.advance(17 * MINUTE)
      expect(await world.visit(kept, (session) => session.get('n'))).toBeUndefined()
      expect(await world.visit(browser, (session) => session.get('n'))).toBeUndefined()
    },
  )
})

describe('rack-session', () => {
  onEachStore('a new session gets a cookie, and the cookie finds it again', async (world) => {
    const client = newClient()
    expect(await world.visit(client, (session) => session.increment('counter'))).toBe(1)
    expect(client.jar.size).toBe(1)
    expect(await world.visit(client, (session) => session.increment('counter'))).toBe(2)
  })

  onEachStore('a cookie of no session is survived, and one that is broken too', async (world) => {
    for (const value of ['blarghfasel'.padEnd(46, 'x'), 'not a token', '%00', '\\']) {
      expect(await world.visit(clientWith(value), (session) => session.increment('counter'))).toBe(1)
    }
  })

  onEachStore('while the id stays the same no cookie is sent again', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.set('a', 1))
    const session = await world.open(client)
    session.set('a', 2)
    expect((await world.commit(client, session))?.cookies).toEqual([])
  })

  onEachStore('a dropped session is gone, and its cookie gives a new one', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.set('counter', 1))
    const dropped = copyOf(client)
    await world.visit(client, (session) => session.destroy())
    expect(await world.records()).toEqual([])
    expect(await world.visit(dropped, (session) => session.isStarted)).toBe(false)
    expect(await world.visit(newClient(), (session) => session.increment('counter'))).toBe(1)
  })

  onEachStore(
    'a renewed session keeps its data under another id, and with no grace the old cookie gives none',
    async (world) => {
      const client = newClient()
      await world.visit(client, (session) => session.set('counter', 1))
      const old = copyOf(client)
      await world.visit(client, (session) => session.rotate({ grace: '0s' }))
      expect(tokenOf(client)).not.toBe(tokenOf(old))
      expect(await world.visit(client, (session) => session.increment('counter'))).toBe(2)
      expect(await world.visit(old, (session) => session.get('counter'))).toBeUndefined()
    },
  )

  inMemory('a request that only reads, or does nothing, sends no cookie', async (world) => {
    const client = newClient()
    for (const act of ['get', 'has'] as const) {
      const session = await world.open(client)
      session[act]('a')
      expect((await session.commit())?.cookies).toEqual([])
    }
    expect(await (await world.open(client)).commit()).toBeUndefined()
    expect(world.counting.count()).toBe(0)
  })

  inMemory('a cookie that lasts is sent when there is data, and not when nothing was ever written', async (world) => {
    const lasting = world.another({ cookie: { persistent: true } })
    const idle = await lasting.open(newClient())
    idle.get('a')
    expect((await idle.commit())?.cookies).toEqual([])
    const writing = await lasting.open(newClient())
    writing.set('a', 1)
    expect((await writing.commit())?.cookies[0]).toMatch(/Max-Age=43200/)
  })

  onEachStore('overlapping requests with different keys are merged', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.set('base', 1))
    const sessions = await Promise.all(Array.from({ length: 10 }, () => world.open(client)))
    sessions.forEach((session, i) => session.set(`key-${i}`, i))
    await Promise.all(sessions.map(async (session) => session.commit()))
    expect(await world.visit(client, (session) => session.keys().length)).toBe(11)
  })

  onEachStore('an id cannot be used again: a slow request over a logout leaves nothing behind', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.set('secret', 's'))
    const slow = await world.open(copyOf(client))
    await world.visit(copyOf(client), (session) => session.logout())
    slow.set('late', 1)
    await expect(slow.commit()).rejects.toMatchObject({ code: 'gone' })
    await world.visit(client, (session) => expect([session.keys(), session.isStarted]).toEqual([[], false]))
    expect(await world.records()).toEqual([])
  })

  inMemory(
    'secrets can be changed without ending a session, and a token signed for nothing is ignored',
    async (world) => {
      const [old, next] = ['o'.repeat(32), 'n'.repeat(32)]
      const client = newClient()
      await world.another({ secrets: [old] }).visit(client, (session) => session.set('counter', 1))
      const both = world.another({ secrets: [next, old] })
      expect(await both.visit(client, (session) => session.increment('counter'))).toBe(2)
      expect(await world.another({ secrets: [next] }).visit(client, (session) => session.increment('counter'))).toBe(3)
      const tampered = clientWith(`${tokenOf(client) ?? ''}x`)
      expect(await both.visit(tampered, (session) => session.get('counter'))).toBeUndefined()
    },
  )
})
