// Denial of service. DOS-13 is no row of this engine's: there is no limiter of look-ups (signed tokens keep guesses away from
// the store, see DOS-13 in src/core/token.test.ts). DOS-14 belongs to the cookie's own tests, DOS-18 is in
// src/core/engine/joint-save.test.ts, DOS-21 belongs to a codec that compresses, and DOS-22 is in patterns.test.ts.
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { jsonCodec } from '../../src/core/data/codec.ts'
import { mergeData } from '../../src/core/data/merge.ts'
import { createSessions } from '../../src/core/sessions.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { Loose } from '../support/bed.ts'
import {
  DAY,
  HOUR,
  MINUTE,
  bed,
  clientWith,
  copyOf,
  factsFor,
  newClient,
  settled,
  testClock,
  tokenOf,
} from '../support/bed.ts'
import { recordsIn } from '../support/stores.ts'
import { inMemory, onEachStore, whoIs } from './world.ts'

const guess = (): string => randomBytes(35).toString('base64url').slice(0, 46)

describe('requests that must cost nothing', () => {
  inMemory('DOS-1 VULN-24 CS-10: a hundred thousand unknown tokens write nothing, and each is told', async (world) => {
    const unknown = world.record('unknown')
    for (let i = 0; i < 100_000; i++) {
      const session = await world.sessions.open(factsFor(clientWith(guess())))
      session.get('a')
      await session.commit()
    }
    expect(world.counting.calls.every(({ method }) => method === 'get')).toBe(true)
    expect(unknown).toHaveLength(100_000)
    expect(await world.records()).toEqual([])
  })

  onEachStore('DOS-1 VULN-24: an unknown token writes nothing', async (world) => {
    for (let i = 0; i < 200; i++) await world.visit(clientWith(guess()), (session) => session.get('a'))
    expect(world.counting.calls.every(({ method }) => method === 'get')).toBe(true)
    expect(await world.records()).toEqual([])
  })

  inMemory('DOS-2: a hundred thousand visits without a cookie call no store and get none', async (world) => {
    const facts = factsFor(newClient())
    for (let i = 0; i < 100_000; i++) {
      const session = world.sessions.open(facts)
      if (session instanceof Promise) throw new Error('the store was asked')
      if (session.commit() !== undefined) throw new Error('the response was changed')
    }
    expect(world.counting.count()).toBe(0)
  })

  onEachStore('DOS-3 VULN-24: ending, clearing or rotating nothing creates nothing', async (world) => {
    for (const client of [newClient(), clientWith(guess()), clientWith('')]) {
      for (const act of ['logout', 'destroy', 'rotate', 'clear', 'flashes'] as const) {
        const outcome = await world.visit(copyOf(client), async (session) => {
          await session[act]()
          return session.isStarted
        })
        expect(outcome).toBe(false)
      }
    }
    expect(world.counting.count('insert')).toBe(0)
    expect(await world.records()).toEqual([])
  })

  onEachStore(
    'DOS-4: an anonymous session has its own, shorter life, and a login gives it the life of a user',
    async (world) => {
      const { visit, clock } = world
      const [visitor, user] = [newClient(), newClient()]
      await visit(visitor, (session) => session.set('a', 1))
      await visit(user, (session) => session.set('a', 1))
      const [first] = await world.records()
      expect(first?.[1].expiresAt).toBe(clock.now() + 5 * MINUTE)
      await visit(user, (session) => session.login('ann', { keep: 'all' }))
      clock.advance(5 * MINUTE)
      expect(await visit(visitor, (session) => session.get('a'))).toBeUndefined()
      expect(await visit(user, (session) => session.get('a'))).toBe(1)
    },
    { timeouts: { idle: '1h', anonymous: '5m', touchEvery: '0s' }, limits: { anonymousBytes: 100 } },
  )
})

describe('data that must stay small', () => {
  onEachStore(
    'DOS-6: data over the limit are a typed error, the store is not touched, and the old state stays',
    async (world) => {
      const client = newClient()
      await world.visit(client, (session) => session.set('a', 'x'.repeat(1024 - 8)))
      world.counting.reset()
      const session = await world.open(client)
      session.set('a', 'x'.repeat(1025 - 8))
      await expect(session.commit()).rejects.toMatchObject({ code: 'too-large' })
      expect(world.counting.count('update')).toBe(0)
      expect(await world.visit(client, (again) => again.get('a'))).toHaveLength(1016)
    },
    { limits: { bytes: 1024 } },
  )

  inMemory('DOS-6: the default limit is 64 KiB', async ({ open }) => {
    const session = await open(newClient())
    session.set('a', 'x'.repeat(65_536 - 8))
    await expect(session.save()).resolves.toBe('saved')
    session.set('a', 'x'.repeat(65_537 - 8))
    await expect(session.save()).rejects.toMatchObject({ code: 'too-large' })
  })

  inMemory(
    'DOS-7 VULN-34: data nested 5,000 levels deep are a typed error, also where a request is being served',
    async (world) => {
      let nested: unknown = 0
      for (let i = 0; i < 5000; i++) nested = i % 2 === 0 ? [nested] : { nested }
      const client = newClient()
      await expect(world.visit(client, (session) => session.set('a', nested))).rejects.toMatchObject({
        code: 'too-large',
      })
      await expect(
        world.visit(client, (session) => session.update((data) => (data['a'] = nested))),
      ).rejects.toMatchObject({
        code: 'too-large',
      })
      expect(await world.records()).toEqual([])
    },
  )

  inMemory(
    'DOS-7 VULN-39: a stored record nested deeper than anything this engine writes ends no process',
    async (world) => {
      const client = newClient()
      await world.visit(client, (session) => session.set('a', 1))
      const [[key, record] = []] = await world.records()
      if (key === undefined || record === undefined) throw new Error('no record')
      const data = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
      await world.raw.update(key, record.version, { ...record, version: record.version + 1, data })
      const session = await world.open(client)
      session.set('b', 1)
      await expect(session.commit()).rejects.toMatchObject({ code: 'too-large' })
    },
  )

  inMemory('DOS-8 VULN-34: a hundred thousand keys that look like integers are refused', async ({ open }) => {
    const session = await open(newClient())
    session.set('a', Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`${i}`, 0])))
    await expect(session.commit()).rejects.toThrow(/data\.a has more than 1000 keys/)
    expect(session.activity.writes).toBe(0)
  })

  onEachStore(
    'DOS-9 VULN-18 VULN-33: hostile keys are data or are refused, in every place that they can reach',
    async (world) => {
      const hostile = '{"__proto__":{"isAdmin":true}}'
      const parsed = JSON.parse(hostile) as Loose
      const client = newClient()
      // Through set, the store and the next request.
      await world.visit(client, (session) =>
        session.set('constructor', { prototype: { isAdmin: true } }).set('prototype', 1),
      )
      await world.visit(client, (session) => {
        expect([session.get('isAdmin'), session.get('prototype')]).toEqual([undefined, 1])
        expect(Object.getPrototypeOf(session.data)).toBe(Object.prototype)
      })
      // As a key, and inside a value.
      for (const act of [
        ['__proto__', { isAdmin: true }],
        ['form', parsed],
      ] as const) {
        const session = await world.open(client)
        session.set(act[0], act[1])
        expect(session.get('isAdmin')).toBeUndefined()
        await expect(session.save()).rejects.toMatchObject({ code: 'not-encodable' })
      }
      // Through the codec, the merge and the options.
      expect(() => jsonCodec({ depth: 9, keys: 9 }).decode(hostile)).toThrow(/__proto__/)
      expect(Reflect.get(Object(mergeData({}, parsed, { a: 1 }).value) as object, 'isAdmin')).toBeUndefined()
      expect(() => createSessions({ store: world.raw, ...parsed, timeouts: parsed })).toThrow(TypeError)
      expect(Reflect.get({}, 'isAdmin')).toBeUndefined()
    },
  )
})

describe('tokens that must not reach the store', () => {
  inMemory(
    'DOS-10: eight thousand pairs in a cookie header take time that grows with their number, no faster',
    async (world) => {
      const client = await world.signedIn('ann')
      const own = `__Host-id=${tokenOf(client) ?? ''}`
      const openWith = async (pairs: number): Promise<number> => {
        const cookie = `${'a=b; '.repeat(pairs)}${own}`
        const start = performance.now()
        for (let i = 0; i < 200; i++) await world.sessions.open(factsFor(newClient(), { headers: { cookie } }))
        return performance.now() - start
      }
      await openWith(500)
      const [small, large] = [
        Math.min(await openWith(2000), await openWith(2000)),
        Math.min(await openWith(8000), await openWith(8000)),
      ]
      expect(large / small).toBeLessThan(4 * 3)
    },
  )

  inMemory(
    'DOS-11 CS-4: cookies of every other length reach neither the store nor the log of unknown tokens',
    async (world) => {
      const unknown = world.record('unknown')
      for (const length of [0, 1, 45, 47, 128, 1024, 15 * 1024]) await world.open(clientWith('A'.repeat(length)))
      expect(world.counting.count()).toBe(0)
      expect(unknown).toEqual([])
    },
  )

  onEachStore('DOS-12: no second spelling of a token opens its session', async (world) => {
    const client = await world.signedIn('ann')
    const token = tokenOf(client) ?? ''
    const last = token.charCodeAt(token.length - 1)
    const spellings = [1, 2, 3].flatMap((bits) => [String.fromCharCode(last + bits), String.fromCharCode(last - bits)])
    const others = [
      ...spellings.map((end) => token.slice(0, -1) + end),
      `${token}=`,
      `${token}==`,
      token.toUpperCase(),
      `"${token}"`,
    ]
    for (const other of others) expect(await whoIs(world, clientWith(other)), other).toBeUndefined()
    expect(await whoIs(world, client)).toBe('ann')
  })
})

describe('what must stay bounded over time', () => {
  it('DOS-15: a session of 400 days lives 400 days, and no timer is set that could overflow', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const before = timers()
    const { visit, clock } = bed({ timeouts: { idle: '400d', absolute: '400d' } })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    expect(timers()).toBe(before)
    clock.advance(399 * DAY)
    expect(await visit(client, (session) => session.get('a'))).toBe(1)
    clock.advance(DAY)
    expect(await visit(client, (session) => session.get('a'))).toBeUndefined()
  })

  it('DOS-16: a flood of anonymous sessions pushes out only each other, and the store stays within its bound', async () => {
    const clock = testClock()
    const store = memoryStore({ now: clock.now, maxEntries: 1000 })
    const { visit, sessions } = bed({ store, clock })
    const users = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const client = newClient()
        await visit(client, (session) => session.login(`user-${i}`))
        return client
      }),
    )
    for (let i = 0; i < 50_000; i++) {
      const session = await sessions.open(factsFor(newClient()))
      await session.start().save()
    }
    expect((await recordsIn(store)).length).toBeLessThanOrEqual(1000)
    const names = await Promise.all(users.map((client) => visit(client, (session) => session.subject)))
    expect(names).toEqual(users.map((_, i) => `user-${i}`))
  })

  onEachStore(
    'DOS-17 ASVS5-14.2.7: a sweep asks for bounded batches until all that has expired is gone',
    async (world) => {
      const live: ReturnType<typeof newClient>[] = []
      for (let i = 0; i < 300; i++) await world.visit(newClient(), (session) => session.start())
      world.clock.advance(2 * HOUR)
      for (let i = 0; i < 5; i++) live.push(await world.signedIn(`user-${i}`))
      world.counting.reset()
      expect(await world.sessions.sweep()).toBe(300)
      const batches = world.counting.calls.filter(({ method }) => method === 'sweep')
      expect(batches.length).toBeGreaterThanOrEqual(2)
      for (const { args } of batches) expect(args[0]).toBe(250)
      for (const [i, client] of live.entries()) expect(await whoIs(world, client)).toBe(`user-${i}`)
    },
    { sweepEvery: '30d' },
  )

  onEachStore('DOS-19: a thousand requests in one second write down their use at most once', async (world) => {
    const client = await world.signedIn('ann')
    world.clock.advance(2 * MINUTE)
    world.counting.reset()
    for (let round = 0; round < 10; round++) {
      await Promise.all(Array.from({ length: 100 }, () => whoIs(world, copyOf(client))))
      world.clock.advance(100)
    }
    expect(world.counting.count('touch')).toBeLessThanOrEqual(1)
    expect(world.counting.calls.every(({ method }) => method === 'get' || method === 'touch')).toBe(true)
  })

  onEachStore(
    'DOS-19: a session lives at least its idle time after its last use, and at most one touchEvery longer',
    async (world) => {
      const { clock } = world
      const [early, late] = [await world.signedIn('ann'), await world.signedIn('bob')]
      clock.advance(59_000)
      await whoIs(world, early)
      clock.advance(15 * MINUTE - 1)
      expect(await whoIs(world, early)).toBe('ann')
      clock.advance(MINUTE + 1)
      expect(await whoIs(world, late)).toBeUndefined()
    },
  )

  onEachStore('DOS-20: ten thousand rotations of one session leave its record and one mark', async (world) => {
    const client = await world.signedIn('ann')
    const rounds = world.store.name === 'memory' ? 10_000 : 100
    await world.visit(client, async (session) => {
      for (let i = 0; i < rounds; i++) await session.rotate(i % 3 === 0 ? { grace: '0s' } : {})
    })
    expect(await world.records()).toHaveLength(1)
    expect(await whoIs(world, client)).toBe('ann')
    world.clock.advance(13 * HOUR)
    expect(await world.sessions.sweep()).toBeLessThanOrEqual(3)
  })

  onEachStore('DOS-20: rotating in many requests leaves no more marks than fit into their time', async (world) => {
    const client = await world.signedIn('ann')
    for (let i = 0; i < 200; i++) {
      await world.visit(client, (session) => session.rotate())
      world.clock.advance(400)
    }
    world.clock.advance(13 * HOUR)
    // The record, and at most four marks at a time, each for the ten seconds of the grace.
    expect(await world.sessions.sweep()).toBeLessThanOrEqual(4 * 9 + 1)
    await settled()
  })

  onEachStore(
    'DOS-24: however often a user signs in, the store holds no more sessions of hers than the cap, and in the end none',
    async (world) => {
      const user = world.sessions.forSubject('ann')
      const rounds = world.raw.name === 'memory' ? 5000 : 100
      for (let i = 0; i < rounds; i++) {
        await world.signedIn('ann')
        world.clock.advance(1)
      }
      expect([await user.count(), (await user.list()).length, (await world.records()).length]).toEqual([3, 3, 3])
      world.clock.advance(13 * HOUR)
      expect([await user.count(), (await user.list()).length]).toEqual([0, 0])
      await world.signedIn('ann')
      expect([await user.count(), (await world.records()).length]).toEqual([1, 1])
      await world.sessions.sweep()
      expect(await user.endAll()).toBe(1)
    },
    { perSubject: { max: 3, onLimit: 'evict-oldest' } },
  )
})
