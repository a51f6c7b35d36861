// Durability and outage, as the engine meets them; STORE-4 is in src/core/engine/guard.test.ts, STORE-6 in outage.test.ts
// beside it, STORE-18 in test/races, STORE-7 and STORE-8 in test/crash, STORE-16 in src/testing. STORE-9 to STORE-12 are
// about servers, and tested with their stores; what all of these share, and STORE-17, is in test/servers/store-*.test.ts.
import { describe, expect, it } from 'vitest'
import { jsonCodec } from '../../src/core/data/codec.ts'
import type { Session } from '../../src/core/session.ts'
import type { StoreMethod } from '../../src/testing/index.ts'
import type { Loose } from '../support/bed.ts'
import { finish } from '../races/lab.ts'
import { HOUR, MINUTE, copyOf, newClient, tokenOf } from '../support/bed.ts'
import { inMemory, onEachStore, whoIs } from './world.ts'

describe('a store that fails', () => {
  onEachStore(
    'STORE-1 ASVS5-16.5.3: a session that cannot be loaded is an error: no anonymous visitor, no new token, no cookie cleared',
    async (world) => {
      const client = await world.signedIn('ann')
      const token = tokenOf(client)
      const errors = world.record('store-error')
      world.faults.setRules([{ methods: ['get'], fault: 'reject' }])
      let isCalled = false
      const visit = world.visit(client, () => (isCalled = true))
      await expect(visit).rejects.toMatchObject({ name: 'SessionError', code: 'store-unavailable' })
      expect([isCalled, tokenOf(client)]).toEqual([false, token])
      expect(errors.map(({ event }) => event['operation'])).toEqual(['get'])
      world.faults.setRules([])
      expect(await whoIs(world, client)).toBe('ann')
    },
  )

  onEachStore(
    'STORE-2: a session that cannot be saved is an error, and no cookie is given for what is not stored',
    async (world) => {
      for (const fault of ['reject', 'drop-reply'] as const) {
        const client = newClient()
        world.faults.setRules([{ methods: ['insert', 'get', 'update'], fault }])
        const session = await world.open(client)
        session.set('a', 1)
        await expect(session.commit()).rejects.toMatchObject({ code: 'store-unavailable' })
        expect(client.jar.size).toBe(0)
        world.faults.setRules([])
        await world.visit(client, (again) => again.set('a', 1))
        world.faults.setRules([{ methods: ['update'], fault }])
        const second = await world.open(client)
        second.set('a', 2)
        await expect(second.commit()).rejects.toMatchObject({ code: 'store-unavailable' })
        world.faults.setRules([])
      }
    },
  )

  onEachStore('STORE-2: a login that cannot be stored leaves nobody signed in, under no token', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.set('a', 1))
    const before = tokenOf(client)
    world.faults.setRules([{ methods: ['rotate'], fault: 'reject' }])
    const session = await world.open(client)
    await expect(session.login('ann')).rejects.toMatchObject({ code: 'store-unavailable' })
    expect(session.subject).toBeUndefined()
    world.faults.setRules([])
    await world.commit(client, session)
    expect(tokenOf(client)).toBe(before)
    expect(await whoIs(world, client)).toBeUndefined()
    expect(await world.sessions.forSubject('ann').count()).toBe(0)
  })

  onEachStore(
    'STORE-3: a logout that the store did not do is an error, the cookie stays, and it can be tried again',
    async (world) => {
      for (const act of ['logout', 'destroy'] as const) {
        const client = await world.signedIn('ann')
        const thief = copyOf(client)
        world.faults.setRules([{ methods: ['delete', 'deleteByHandle'], fault: 'reject' }])
        const session = await world.open(client)
        await expect(session[act]()).rejects.toMatchObject({ code: 'store-unavailable' })
        await world.commit(client, session)
        expect(client.jar.size).toBe(1)
        expect(session.subject).toBe('ann')
        world.faults.setRules([])
        await session[act]()
        await world.commit(client, session)
        expect(client.jar.size).toBe(0)
        expect(await whoIs(world, thief)).toBeUndefined()
      }
    },
  )

  onEachStore('STORE-3: ending the sessions of a user is an error when it was not done', async (world) => {
    const client = await world.signedIn('ann')
    world.faults.setRules([{ methods: ['deleteBySubject', 'deleteByHandle', 'clear'], fault: 'reject' }])
    const user = world.sessions.forSubject('ann')
    const [summary] = await user.list()
    for (const act of [() => user.endAll(), () => user.end(summary?.handle ?? ''), () => world.sessions.revokeAll()]) {
      await expect(act()).rejects.toMatchObject({ code: 'store-unavailable' })
    }
    world.faults.setRules([])
    expect(await whoIs(world, client)).toBe('ann')
  })

  onEachStore('STORE-5: after a hundred failures the first call that the store serves is served', async (world) => {
    const client = await world.signedIn('ann')
    world.faults.setRules([{ fault: 'reject' }])
    for (let i = 0; i < 100; i++) {
      await expect(world.open(client)).rejects.toMatchObject({ code: 'store-unavailable' })
    }
    world.faults.setRules([])
    expect(await world.visit(client, (session) => session.set('a', 1).subject)).toBe('ann')
    expect(await world.visit(client, (session) => session.get('a'))).toBe(1)
  })

  onEachStore('STORE-5 STORE-6: in the very request that failed the save can be tried again', async (world) => {
    for (const fault of ['reject', 'drop-reply'] as const) {
      const client = newClient()
      const session = await world.open(client)
      session.set('a', 1)
      world.faults.setRules([{ methods: ['insert', 'get'], fault, calls: [1, 2] }])
      await expect(session.save()).rejects.toMatchObject({ code: 'store-unavailable' })
      expect(await session.save()).toBe('saved')
      await world.commit(client, session)
      expect(await world.visit(client, (again) => again.get('a'))).toBe(1)
    }
  })

  inMemory('STORE-5: no failure of one operation keeps the others from working', async (world) => {
    const methods: StoreMethod[] = ['insert', 'update', 'touch', 'rotate', 'delete']
    for (const method of methods) {
      const client = newClient()
      world.faults.setRules([{ methods: [method], fault: 'reject' }])
      await world.visit(client, (session) => session.set('a', 1)).catch(() => undefined)
      await world.visit(client, (session) => session.login('ann')).catch(() => undefined)
      await world.visit(client, (session) => session.logout()).catch(() => undefined)
      world.faults.setRules([])
      await world.visit(client, (session) => session.login('ann'))
      expect(await whoIs(world, client), method).toBe('ann')
    }
  })
})

describe('what a store gives back', () => {
  onEachStore(
    'STORE-13: with no sweep ever, an expired session is not loaded, not saved, not touched and not listed',
    async (world) => {
      const quiet = world.another({ sweepEvery: '30d', timeouts: { idle: '10m', touchEvery: '0s' } })
      const client = await quiet.signedIn('ann')
      const session = await quiet.open(client)
      world.clock.advance(10 * MINUTE)
      session.set('a', 1)
      await expect(quiet.commit(client, session)).rejects.toMatchObject({ code: 'gone' })
      expect(await whoIs(quiet, client)).toBeUndefined()
      expect(await quiet.sessions.forSubject('ann').list()).toEqual([])
      expect(await quiet.sessions.forSubject('ann').count()).toBe(0)
      expect(world.counting.count('sweep')).toBe(0)
    },
  )

  onEachStore(
    'STORE-14: facts of a newer version are absent with an event, are not deleted, and are not written over',
    async (world) => {
      const undecodable = world.record('undecodable')
      const client = await world.signedIn('ann')
      const newer = '{"v":2,"authentication":{"at":1,"level":9,"factors":[]},"more":true}'
      for (const [key, record] of await world.records()) {
        await world.raw.update(key, record.version, { ...record, version: record.version + 1, meta: newer })
      }
      const old = copyOf(client)
      await world.visit(client, (session) => {
        expect([session.subject, session.isStarted]).toEqual([undefined, false])
        session.set('a', 1)
      })
      expect(undecodable).toHaveLength(1)
      expect(tokenOf(client)).not.toBe(tokenOf(old))
      expect((await world.records()).map(([, { meta }]) => meta)).toContain(newer)
    },
  )

  onEachStore(
    'STORE-14: facts of an older form are read, and written in the form of today at the next rotation',
    async (world) => {
      const client = await world.signedIn('ann')
      const older = '{"v":1,"authentication":{"at":1767614400000,"level":2,"factors":["password"]}}'
      for (const [key, record] of await world.records()) {
        await world.raw.update(key, record.version, { ...record, version: record.version + 1, meta: older })
      }
      const authentication = { at: 1767614400000, level: 2, factors: ['password'], shownAt: [1767614400000] }
      expect(await world.visit(client, (session) => session.authentication)).toEqual(authentication)
      await world.visit(client, (session) => session.elevate({ factors: ['totp'] }))
      const [[, record] = []] = await world.records()
      expect(JSON.parse(record?.meta ?? '{}')).toMatchObject({
        v: 1,
        authentication: { factors: ['password', 'totp'] },
      })
    },
  )

  onEachStore(
    'STORE-15: what can be stored comes back exactly, through the store and through a merge',
    async (world) => {
      const values = {
        surrogates: ['\ud800', '\udfff\ud800', 'a\ud83d\ude00'],
        nul: 'a\u0000b',
        separators: '\u2028\u2029\u0085\ufeff',
        empty: ['', [], {}, null],
        numbers: [0, -1, 0.1 + 0.2, Number.MAX_SAFE_INTEGER, Number.MIN_VALUE, -1e308],
        deep: { a: { b: { c: { d: [[[[{}]]]] } } } },
        long: 'ß'.repeat(20_000),
        'key \u0000 with "quotes"': true,
      }
      const client = newClient()
      await world.visit(client, (session) => Object.entries(values).forEach(([key, value]) => session.set(key, value)))
      const [one, two] = [await world.open(client), await world.open(client)]
      one.set('one', '\ud800')
      two.set('two', '\u0000')
      await world.commit(client, one)
      await world.commit(client, two)
      const data = await world.visit(client, (session) => ({ ...session.data }))
      expect(data).toStrictEqual({ ...values, one: '\ud800', two: '\u0000' })
    },
  )

  onEachStore(
    'STORE-15: what JSON would change is refused with its path, and nothing of the session is stored',
    async (world) => {
      const cycle: unknown[] = []
      cycle.push({ cycle })
      const values: readonly (readonly [string, unknown])[] = [
        ['undefined', undefined],
        ['NaN', Number.NaN],
        ['Infinity', Infinity],
        ['bigint', 1n],
        ['Map', new Map()],
        ['invalid Date', new Date(Number.NaN)],
        ['URL', new URL('https://shop.example')],
        ['Error', new Error('x')],
        ['symbol', Symbol('x')],
        ['contains itself', cycle],
      ]
      for (const [name, value] of values) {
        const session = await world.open(newClient())
        session.set('outer', { inner: [value] })
        await expect(session.commit(), name).rejects.toMatchObject({ code: 'not-encodable' })
        await expect(session.commit(), name).rejects.toThrow(
          name === 'contains itself' ? /contains itself/ : /data\.outer\.inner\[0\]/,
        )
      }
      expect(await world.records()).toEqual([])
    },
  )

  it('STORE-15: what the codec accepts it gives back, whatever limits it was made with', () => {
    const codec = jsonCodec({ depth: 1000, keys: 100_000 })
    let deep: unknown = 'core'
    for (let i = 0; i < 999; i++) deep = [deep]
    expect(codec.decode(codec.encode(deep))).toEqual(deep)
  })
})

describe('cookies and what they name', () => {
  onEachStore('COOKIE-13 RACE-9: no response hands out a token that is no longer the current one', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.set('a', 1))
    // Loaded before the login, and ended after it, in every way there is.
    const acts: readonly ((session: Session<Loose>) => unknown)[] = [
      (session: Session<Loose>) => session.set('b', 1),
      (session: Session<Loose>) => session.clear(),
      (session: Session<Loose>) => session.rotate(),
      (session: Session<Loose>) => session.save(),
      (session: Session<Loose>) => session.get('a'),
      (session: Session<Loose>) => session.update((data) => (data['c'] = 1)).catch(() => undefined),
    ]
    const sessions = await Promise.all(acts.map(() => world.open(client)))
    world.clock.advance(2 * MINUTE)
    await world.visit(client, (session) => session.login('ann'))
    const token = tokenOf(client)
    for (const [i, act] of acts.entries()) {
      const session = sessions[i]
      if (session === undefined) continue
      await act(session)
      expect((await finish(session)).cookies, `act ${i}`).toEqual([])
    }
    expect(tokenOf(client)).toBe(token)
    expect(await whoIs(world, client)).toBe('ann')
  })

  onEachStore(
    'COOKIE-13: a token that was handed out by an earlier part of the request is not, once it is replaced elsewhere',
    async (world) => {
      const client = newClient()
      const session = await world.open(client)
      await session.login('ann')
      expect(await world.sessions.forSubject('ann').endAll()).toBe(1)
      expect((await world.commit(client, session))?.cookies).toEqual([])
      world.clock.advance(HOUR)
      expect(client.jar.size).toBe(0)
    },
  )
})
