import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Session } from './session.ts'
import type { Loose } from '../../test/support/bed.ts'
import { HOUR, MINUTE, START, bed, copyOf, newClient, testClock, tokenOf } from '../../test/support/bed.ts'
import { memoryStore } from '../stores/memory.ts'
import { countingStore } from '../testing/index.ts'
import { SessionError } from './errors.ts'

interface Visit {
  cart: string[]
  theme: 'dark' | 'light'
  user?: { name: string; tags: string[] }
  visits?: number
}

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

  it('a derived secret is one for each purpose and each session, the same through rotations and another one after a sign-in (S3)', async () => {
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
    expect(await derived(ann, 'x')).toBe(first)
    for (const signIn of [
      (session: Session<Loose>) => session.login('ann'),
      (session: Session<Loose>) => session.elevate(),
      (session: Session<Loose>) => session.logout({ keep: 'all' }),
    ]) {
      const before = await derived(ann, 'x')
      await visit(ann, signIn)
      expect(await derived(ann, 'x')).not.toBe(before)
    }
  })

  it('ASVS5-3.3.4: the token that travels in a cookie is told to nobody', async () => {
    const { visit } = bed()
    const client = newClient()
    await visit(client, (session) => session.start())
    const told = await visit(client, (session) => [session.credential('cookie'), session.credential('url')])
    expect(told).toEqual([undefined, undefined])
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
