import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HOUR, MINUTE, START, bed, copyOf, newClient, testClock, tokenOf } from '../../test/support/bed.ts'
import { recordsIn } from '../../test/support/stores.ts'
import { memoryStore } from '../stores/memory.ts'
import { countingStore } from '../testing/index.ts'
import { SessionError } from './errors.ts'

interface Visit {
  cart: string[]
  theme: 'dark' | 'light'
  user?: { name: string; tags: string[] }
  visits?: number
}

const shop = (): ReturnType<typeof bed<Visit>> => bed<Visit>({ initial: () => ({ cart: [], theme: 'light' }) })

describe('the data of a session', () => {
  it('P10 W2 Y12: attribute, index, get and has all work on the same data', async () => {
    const session = await shop().open(newClient())
    session.data.theme = 'dark'
    session.set('visits', 1)
    expect(session.data['visits']).toBe(1)
    expect(session.get('theme')).toBe('dark')
    expect([session.has('theme'), 'theme' in session.data, session.has('user')]).toEqual([true, true, false])
    session.data.visits = (session.data.visits ?? 0) + 1
    expect(session.get('visits')).toBe(2)
  })

  it('a missing key gives undefined, or the fallback; a value that is there wins over the fallback', async () => {
    const { open } = bed()
    const session = await open(newClient())
    expect(session.get('a')).toBeUndefined()
    expect(session.get('a', 'none')).toBe('none')
    for (const value of [0, '', false, null]) expect(session.set('a', value).get('a', 'none')).toBe(value)
  })

  it('delete tells whether the key was there, and clear empties the data but keeps the session', async () => {
    const { visit } = bed()
    const client = newClient()
    await visit(client, (session) => {
      session.set('a', 1).set('b', 2)
      expect([session.delete('a'), session.delete('a'), session.delete('toString')]).toEqual([true, false, false])
    })
    await visit(client, (session) => {
      expect(session.keys()).toEqual(['b'])
      session.clear()
    })
    await visit(client, (session) => {
      expect([session.isStarted, session.isNew, session.keys()]).toEqual([true, false, []])
    })
  })

  it('W13: keys and entries are lists of their own, so that the data may change while they are walked', async () => {
    const session = await bed().open(newClient())
    session.set('a', 1).set('b', 2).set('c', 3)
    const walked: string[] = []
    for (const key of session.keys()) {
      walked.push(key)
      session.delete(key)
      session.set(`${key}${key}`, true)
    }
    expect(walked).toEqual(['a', 'b', 'c'])
    expect(session.entries()).toEqual([
      ['aa', true],
      ['bb', true],
      ['cc', true],
    ])
  })

  it('W10: a key that is no string is a TypeError', async () => {
    const session = await bed().open(newClient())
    for (const key of [1, Symbol('s'), undefined, null, {}]) {
      expect(() => session.set(key as never, 1)).toThrow(/^session\.set: keys are strings/)
    }
  })

  it('W11: every string comes back exactly, as a key and as a value', async () => {
    const { visit } = bed()
    const texts = fc.sample(fc.string({ unit: 'binary', maxLength: 40 }), { numRuns: 300, seed: 3 })
    const values = ['', 'é', '日本', '\ud83d\ude00', '\ud800', '\u0000', 'x'.repeat(10_000), ...texts]
    const client = newClient()
    await visit(client, (session) => values.forEach((value, i) => session.set(`k${i}`, value)))
    await visit(client, (session) => values.forEach((value, i) => expect(session.get(`k${i}`)).toBe(value)))
    const keys = [...new Set(texts)].filter((key) => key !== '__proto__')
    await visit(client, (session) => {
      session.clear()
      keys.forEach((key, i) => session.set(key, i))
    })
    await visit(client, (session) => keys.forEach((key, i) => expect(session.get(key)).toBe(i)))
  })

  it('the data cannot be replaced as a whole by mistake', async () => {
    const session = await bed().open(newClient())
    expect(() => Object.assign(session, { data: {} })).toThrow(TypeError)
  })

  it('Y9 Y10: each new session has its own copy of the starting contents, nested ones too', async () => {
    const defaults = { cart: [] as string[], theme: 'light' as const, user: { name: '', tags: ['new'] } }
    const { open, visit } = bed<Visit>({ initial: () => defaults })
    const [one, two] = [await open(newClient()), await open(newClient())]
    one.data.cart.push('tea')
    one.data.user?.tags.push('changed')
    expect(two.data).toEqual({ cart: [], theme: 'light', user: { name: '', tags: ['new'] } })
    expect(defaults.cart).toEqual([])
    const client = newClient()
    await visit(client, (session) => void session.data.cart.push('tea'))
    expect(await visit(client, (session) => session.data.cart)).toEqual(['tea'])
  })

  it('Y11: starting contents are asked for once for each new session, and never for one that exists', async () => {
    let calls = 0
    const { visit } = bed({ initial: () => ({ number: ++calls, at: Math.random() }) })
    const client = newClient()
    await visit(client, (session) => {
      expect(session.data).toMatchObject({ number: 1 })
      session.start()
    })
    await visit(client, (session) => expect(session.get('number')).toBe(1))
    await visit(client, (session) => expect(session.get('number')).toBe(1))
    expect(calls).toBe(1)
  })

  it('ASVS5-7.6.2: reading starting contents that differ each time stores nothing', async () => {
    const { open, commit } = bed({ initial: () => ({ at: Math.random() }) })
    const client = newClient()
    const session = await open(client)
    expect(session.get('at')).toBeTypeOf('number')
    expect((await commit(client, session))?.cookies).toEqual([])
    expect(session.activity).toEqual({ reads: 0, writes: 0 })
  })
})

describe('the life of a session', () => {
  it('P2 P3 P4 P5 P22: start makes a session exist while it is empty, once', async () => {
    const { open, commit, visit } = bed()
    const client = newClient()
    const session = await open(client)
    expect([session.isStarted, session.handle, session.reference]).toEqual([false, undefined, undefined])
    const { handle } = session.start()
    expect(session.start().handle).toBe(handle)
    expect([session.isStarted, session.isNew]).toEqual([true, true])
    expect((await commit(client, session))?.cookies).toHaveLength(1)
    const token = tokenOf(client)
    await visit(client, (again) => {
      expect([again.start().handle, again.isNew, again.keys()]).toEqual([handle, false, []])
    })
    expect(tokenOf(client)).toBe(token)
  })

  it('P18 P9: save fixes the moment of saving, and tells what it did', async () => {
    const { open, visit, commit } = bed()
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const session = await open(client)
    expect(await session.save()).toBe('unchanged')
    session.data['a'] = 2
    expect(await session.save()).toBe('saved')
    expect(await visit(copyOf(client), (other) => other.get('a'))).toBe(2)
    session.data['a'] = 3
    await visit(copyOf(client), (other) => other.destroy())
    expect(await session.save()).toBe('gone')
    expect((await commit(client, session))?.cookies).toEqual([])
  })

  it('RACE-17: a save and the end of the request are one write', async () => {
    const { open, commit } = bed()
    const client = newClient()
    const session = await open(client)
    session.data['a'] = 1
    await session.save()
    await commit(client, session)
    await commit(client, session)
    expect(session.activity.writes).toBe(1)
    session.data['a'] = 2
    await commit(client, session)
    expect(session.activity.writes).toBe(2)
  })

  it('RACE-17: two saves at once make one record and one cookie', async () => {
    const clock = testClock()
    const store = memoryStore({ now: clock.now })
    const { open, commit } = bed({ store, clock })
    const client = newClient()
    const session = await open(client)
    session.data['a'] = 1
    const saves = [session.save(), session.save(), session.increment('n')]
    session.data['b'] = 2
    expect((await commit(client, session))?.cookies).toHaveLength(1)
    await Promise.all(saves)
    const records = await recordsIn(store)
    expect(records.map(([, record]) => JSON.parse(record.data) as unknown)).toEqual([{ a: 1, n: 1, b: 2 }])
  })

  it('RACE-17: a touch is written once, however often the request is committed', async () => {
    const { open, visit, commit, clock } = bed({ timeouts: { touchEvery: '0s' } })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    clock.advance(MINUTE)
    const session = await open(client)
    await commit(client, session)
    await commit(client, session)
    expect(session.activity).toEqual({ reads: 1, writes: 1 })
    expect(session.expiresAt).toBe(START + 16 * MINUTE)
  })

  it('a save or a login that the handler did not wait for belongs to its response', async () => {
    const { open, commit, visit } = bed()
    const client = newClient()
    const session = await open(client)
    void session.login('ann')
    expect((await commit(client, session))?.cookies).toHaveLength(1)
    expect(await visit(client, (again) => again.subject)).toBe('ann')
  })

  it('P13 P14 W7 W8 Y13 Y40: after destroy the data is empty, reading works, and what is written is never stored', async () => {
    const { open, visit, commit, store } = bed()
    const client = newClient()
    await visit(client, (session) => session.set('secret', 's'))
    const old = copyOf(client)
    const session = await open(client)
    const held = session.data
    await session.destroy()
    expect([session.keys(), held, session.handle, session.isStarted]).toEqual([[], {}, undefined, false])
    session.data['late'] = 1
    expect(await session.save()).toBe('unchanged')
    expect(await session.update((data) => Object.keys(data))).toEqual(['late'])
    expect((await commit(client, session))?.cookies[0]).toMatch(/^__Host-id=; .*Max-Age=0/)
    expect(client.jar.size).toBe(0)
    expect(await recordsIn(store as ReturnType<typeof memoryStore>)).toEqual([])
    expect(await visit(old, (again) => again.keys())).toEqual([])
  })

  it('VULN-9: after destroy, start or login begins a session with another token', async () => {
    const { visit } = bed()
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const before = tokenOf(client)
    await visit(client, async (session) => {
      await session.destroy()
      session.start().set('b', 2)
    })
    expect(tokenOf(client)).not.toBe(before)
    expect(await visit(client, (session) => session.keys())).toEqual(['b'])
    await visit(client, async (session) => {
      await session.destroy()
      await session.login('ann')
    })
    expect(await visit(client, (session) => [session.subject, session.keys()])).toEqual(['ann', []])
  })

  it('rotating changes the token and nothing else; with nothing to rotate it does nothing', async () => {
    const { visit } = bed()
    const client = newClient()
    expect(await visit(client, (session) => session.rotate())).toBe('unchanged')
    expect(client.jar.size).toBe(0)
    const { handle } = await visit(client, (session) => session.set('a', 1).start())
    const before = tokenOf(client)
    expect(await visit(client, (session) => session.rotate())).toBe('rotated')
    expect(tokenOf(client)).not.toBe(before)
    expect(await visit(client, (session) => [session.handle, session.get('a')])).toEqual([handle, 1])
  })
})

describe('signing in and out', () => {
  it('the user, the level, the factors and the device are told after login', async () => {
    const { visit } = bed()
    const client = newClient()
    await visit(client, async (session) => {
      expect([session.subject, session.authentication]).toEqual([undefined, undefined])
      await session.login('ann', { level: 2, factors: ['password', 'totp'], label: 'Firefox', idpSession: 'idp-1' })
    })
    const known = await visit(client, (session) => [session.subject, session.authentication])
    const shownAt = [START, START]
    const authentication = {
      at: START,
      level: 2,
      factors: ['password', 'totp'],
      shownAt,
      label: 'Firefox',
      idpSession: 'idp-1',
    }
    expect(known).toEqual(['ann', authentication])
  })

  it('VULN-4: login leaves all data behind but the keys that it is told to keep', async () => {
    const { visit } = bed<Visit>({ initial: () => ({ cart: [], theme: 'light' }) })
    const client = newClient()
    await visit(client, (session) => {
      session.data.cart.push('tea')
      session.data.theme = 'dark'
      session.data.user = { name: 'visitor', tags: [] }
      session.flash('info', 'before')
    })
    await visit(client, (session) => session.login('ann', { keep: ['cart', 'visits'] }))
    expect(await visit(client, (session) => ({ ...session.data }))).toEqual({ cart: ['tea'], theme: 'light' })
    expect(await visit(client, (session) => session.flashes())).toEqual([])
    await visit(client, (session) => session.login('bob', { keep: 'all' }))
    expect(await visit(client, (session) => ({ ...session.data }))).toEqual({ cart: ['tea'], theme: 'light' })
  })

  it('a subject that is no text of 1 to 255 characters is a TypeError', async () => {
    const { open, sessions } = bed()
    const session = await open(newClient())
    for (const subject of ['', 7, undefined, null, {}, 'x'.repeat(256)]) {
      expect(() => session.login(subject as string)).toThrow(/^subject: .*such as String\(user\.id\)/)
      expect(() => sessions.forSubject(subject as string)).toThrow(TypeError)
    }
  })

  it('elevating needs a user, and keeps what it is not told', async () => {
    const { visit, clock } = bed()
    const client = newClient()
    await expect(visit(client, (session) => session.elevate())).rejects.toMatchObject({ code: 'no-session' })
    await visit(client, (session) => session.login('ann', { level: 1, factors: ['password'] }))
    clock.advance(1000)
    await visit(client, (session) => session.set('a', 1).elevate({ level: 2, factors: ['totp'] }))
    expect(await visit(client, (session) => [session.get('a'), session.authentication])).toEqual([
      1,
      { at: START + 1000, level: 2, factors: ['password', 'totp'], shownAt: [START, START + 1000] },
    ])
  })

  it('after logout the session is an anonymous one with what was kept, and the old token is dead', async () => {
    const { signedIn, visit } = bed()
    const client = await signedIn('ann')
    await visit(client, (session) => session.set('theme', 'dark').set('secret', 's'))
    const old = copyOf(client)
    await visit(client, async (session) => {
      await session.logout({ keep: ['theme'] })
      expect([session.subject, session.authentication, { ...session.data }]).toEqual([
        undefined,
        undefined,
        { theme: 'dark' },
      ])
    })
    expect(await visit(client, (session) => [session.subject, { ...session.data }])).toEqual([
      undefined,
      { theme: 'dark' },
    ])
    expect(await visit(old, (session) => [session.subject, session.keys()])).toEqual([undefined, []])
  })

  it('ASVS5-14.3.1 CS-9: the browser is told to clear its storage only when that is asked for', async () => {
    const { signedIn, open, commit } = bed()
    for (const clearSiteData of [false, true]) {
      const client = await signedIn('ann')
      const session = await open(client)
      await session.logout({ clearSiteData })
      const headers = (await commit(client, session))?.headers ?? []
      expect(headers).toEqual(clearSiteData ? [['clear-site-data', '"cache", "cookies", "storage"']] : [])
    }
  })

  it('ASVS5-7.5.1 ASVS5-7.5.3: requireFresh passes for a recent authentication with the factor asked for', async () => {
    const { visit, clock } = bed()
    const client = newClient()
    const isFresh = (within: '5m', factor?: string): Promise<boolean> =>
      visit(client, (session) => {
        try {
          session.requireFresh({ within, ...(factor === undefined ? {} : { factor }) })
          return true
        } catch (error) {
          expect(error).toMatchObject({ code: 'reauthentication-required' })
          return false
        }
      })
    expect(await isFresh('5m')).toBe(false)
    await visit(client, (session) => session.login('ann', { factors: ['password', 'totp'] }))
    expect([await isFresh('5m'), await isFresh('5m', 'totp'), await isFresh('5m', 'passkey')]).toEqual([
      true,
      true,
      false,
    ])
    clock.advance(5 * MINUTE)
    expect(await isFresh('5m')).toBe(true)
    clock.advance(1)
    expect(await isFresh('5m')).toBe(false)
    await visit(client, (session) => session.elevate({ factors: ['password'] }))
    expect([await isFresh('5m'), await isFresh('5m', 'password'), await isFresh('5m', 'totp')]).toEqual([
      true,
      true,
      false,
    ])
  })
})

describe('what a session gives away', () => {
  it('ASVS5-3.3.4 VULN-30: printing it, turning it into JSON or walking it shows neither token, key nor data', async () => {
    const clock = testClock()
    const counting = countingStore(memoryStore({ now: clock.now }))
    const { visit } = bed({ store: counting.store, clock })
    const client = newClient()
    await visit(client, (session) => session.set('card', '4111-1111').start())
    const shown = await visit(client, (session) => {
      session.get('card')
      const nested = { request: { session } }
      return [
        JSON.stringify(session),
        JSON.stringify(nested),
        inspect(session, { depth: 9, showHidden: true, getters: false }),
        inspect(nested, { depth: 9 }),
        JSON.stringify(Object.entries(session)),
      ].join('\n')
    })
    const key = String(counting.calls.find(({ method }) => method === 'get')?.args[0])
    for (const secret of [tokenOf(client) ?? 'no token', key, key.slice(7), '4111']) expect(shown).not.toContain(secret)
  })

  it('ASVS5-16.5.1: no error message tells a token, a key or data', async () => {
    const { open, visit } = bed({ limits: { bytes: 200 } })
    const client = newClient()
    await visit(client, (session) => session.set('card', '4111-1111'))
    const session = await open(client)
    const errors: unknown[] = []
    const note = (error: unknown): void => void errors.push(error)
    session.data['bad'] = new Map([['4111-1111', 1]])
    await session.save().catch(note)
    session.data['bad'] = '4111-1111'.repeat(100)
    await session.save().catch(note)
    await session.elevate().catch(note)
    expect(errors).toHaveLength(3)
    for (const error of errors) {
      expect(error).toBeInstanceOf(SessionError)
      const told = inspect(error, { depth: 9 })
      for (const secret of [tokenOf(client) ?? 'no token', '4111']) expect(told).not.toContain(secret)
    }
  })

  it('a derived secret is one for each purpose and each session, and another one after each rotation', async () => {
    const { open, visit } = bed()
    const [ann, bob] = [newClient(), newClient()]
    const derived = (client: typeof ann, label: string): Promise<string> =>
      visit(client, (session) => Buffer.from(session.start().derive(label) ?? []).toString('hex'))
    expect((await open(newClient())).derive('x')).toBeUndefined()
    const first = await derived(ann, 'x')
    expect(first).toHaveLength(64)
    expect(await derived(ann, 'x')).toBe(first)
    expect(await derived(ann, 'y')).not.toBe(first)
    expect(await derived(bob, 'x')).not.toBe(first)
    await visit(ann, (session) => session.rotate())
    expect(await derived(ann, 'x')).not.toBe(first)
  })

  it('the credential is told for the carrier in use only, and not at all by a session without a token', async () => {
    const { visit, open } = bed()
    const client = newClient()
    expect((await open(client)).credential('cookie')).toBeUndefined()
    await visit(client, (session) => session.start())
    expect(await visit(client, (session) => [session.credential('cookie'), session.credential('url')])).toEqual([
      tokenOf(client),
      undefined,
    ])
  })

  it('ASVS5-4.4.3 ASVS5-4.4.4: a socket learns that its session has ended, and that it goes on after a rotation', async () => {
    const { sessions, signedIn, visit, clock } = bed()
    const client = await signedIn('ann')
    const facts = { method: 'GET', url: '/socket', secure: true, header: () => `__Host-id=${tokenOf(client) ?? ''}` }
    const socket = await sessions.openReadOnly(facts)
    expect([socket.subject, await socket.isAlive()]).toEqual(['ann', true])
    await visit(client, (session) => session.rotate())
    expect(await socket.isAlive()).toBe(true)
    await visit(client, (session) => session.logout())
    expect(await socket.isAlive()).toBe(false)
    clock.advance(HOUR)
    expect(await socket.isAlive()).toBe(false)
    expect((await sessions.openReadOnly({ ...facts, header: () => undefined })).subject).toBeUndefined()
  })

  it('a session opened for reading only writes nothing, and its response needs nothing', async () => {
    const clock = testClock()
    const counting = countingStore(memoryStore({ now: clock.now }))
    const { sessions, signedIn } = bed({ store: counting.store, clock, timeouts: { touchEvery: '0s' } })
    const client = await signedIn('ann')
    clock.advance(1000)
    counting.reset()
    const facts = { method: 'GET', url: '/socket', secure: true, header: () => `__Host-id=${tokenOf(client) ?? ''}` }
    const socket = await sessions.openReadOnly(facts)
    socket.data['a'] = 1
    for (const act of [
      () => socket.save(),
      () => socket.login('bob'),
      () => socket.elevate(),
      () => socket.rotate(),
      () => socket.logout(),
      () => socket.destroy(),
      () => socket.increment('n'),
    ]) {
      await expect(act()).rejects.toMatchObject({ code: 'unsupported' })
    }
    expect(socket.commit()).toBeUndefined()
    expect(counting.calls.map(({ method }) => method)).toEqual(['get'])
  })
})
