// OWASP ASVS 5.0, chapter V7: all 19 requirements, each as far as a library meets it. Where the application has to do its
// part, the row shows the verb that it does it with.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { storeKeyOf } from '../../src/core/key.ts'
import { stateOf } from '../../src/core/session.ts'
import { createSessions } from '../../src/core/sessions.ts'
import type { Token } from '../../src/core/token.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { HOUR, MINUTE, START, clientWith, copyOf, factsFor, newClient, tokenOf } from '../support/bed.ts'
import { inMemory, onEachStore, whoIs } from './world.ts'

describe('V7.1 documentation', () => {
  it('ASVS5-7.1.1 NIST-5.2-3: both lifetimes are finite without any option, are told by policy(), and cannot be switched off', () => {
    const policy = createSessions({ store: memoryStore() }).policy()
    expect(policy).toMatchObject({ idle: 15 * MINUTE, absolute: 12 * HOUR })
    for (const absolute of [Infinity, 'Infinityd', 'never', 0, '0s', false]) {
      expect(() => createSessions({ store: memoryStore(), timeouts: { absolute: absolute as '1h' } })).toThrow(
        /^timeouts\.absolute: expected a duration/,
      )
    }
  })

  onEachStore(
    'ASVS5-7.1.2 DOS-5 CS-14 WSTG-SESS-11: fifty logins at once leave the three newest sessions of the user',
    async (world) => {
      const { sessions, visit, clock } = world
      const clients = Array.from({ length: 50 }, () => newClient())
      await Promise.all(clients.map((client) => visit(client, (session) => session.login('ann'))))
      expect(await sessions.forSubject('ann').count()).toBe(3)
      // Those that come one after the other push out the oldest.
      const late: ReturnType<typeof newClient>[] = []
      for (let i = 0; i < 5; i++) {
        clock.advance(1000)
        late.push(await world.signedIn('ann'))
      }
      expect(await Promise.all(late.map((client) => whoIs(world, client)))).toEqual([
        undefined,
        undefined,
        'ann',
        'ann',
        'ann',
      ])
      expect(await Promise.all(clients.map((client) => whoIs(world, client)))).toEqual(clients.map(() => undefined))
    },
    { perSubject: { max: 3, onLimit: 'evict-oldest' } },
  )

  onEachStore(
    'ASVS5-7.1.2 DOS-5: where the limit rejects, three of fifty logins at once succeed and the others are told',
    async ({ sessions, visit }) => {
      const logins = Array.from({ length: 50 }, () => visit(newClient(), (session) => session.login('ann')))
      const results = await Promise.allSettled(logins)
      const refused = results.filter((result) => result.status === 'rejected')
      expect(refused).toHaveLength(47)
      for (const { reason } of refused) expect(reason).toMatchObject({ code: 'subject-limit' })
      expect(await sessions.forSubject('ann').count()).toBe(3)
    },
    { perSubject: { max: 3, onLimit: 'reject' } },
  )

  onEachStore(
    "ASVS5-7.1.3: a sign-out at the identity provider ends exactly that provider session's sessions",
    async (world) => {
      const { sessions, visit } = world
      const login = async (idpSession: string): Promise<ReturnType<typeof newClient>> => {
        const client = newClient()
        await visit(client, (session) => session.login('ann', { idpSession }))
        return client
      }
      const ended = [await login('idp-1'), await login('idp-1'), await login('idp-1')]
      const kept = await login('idp-2')
      const user = sessions.forSubject('ann')
      expect(await user.endWhere(({ authentication }) => authentication?.idpSession === 'idp-1')).toBe(3)
      for (const client of ended) expect(await whoIs(world, client)).toBeUndefined()
      expect(await whoIs(world, kept)).toBe('ann')
    },
  )
})

describe('V7.2 fundamental session management', () => {
  it('ASVS5-7.2.1: the package has no entry for browsers', () => {
    const { exports } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      exports: object
    }
    expect(JSON.stringify(exports)).not.toMatch(/browser/)
  })

  onEachStore(
    'ASVS5-7.2.1 WSTG-SESS-07: nothing that the client holds decides anything, but for the whole token',
    async (world) => {
      const { open, clock } = world
      const client = await world.signedIn('ann')
      const token = tokenOf(client) ?? ''
      for (let i = 0; i < token.length; i++) {
        const changed = token.slice(0, i) + (token[i] === 'A' ? 'B' : 'A') + token.slice(i + 1)
        expect((await open(clientWith(changed))).subject).toBeUndefined()
      }
      client.jar.set('subject', 'admin').set('Max-Age', '99999999').set('expires', '2099')
      expect(await whoIs(world, client)).toBe('ann')
      clock.advance(12 * HOUR)
      expect(await whoIs(world, client)).toBeUndefined()
    },
  )

  onEachStore('ASVS5-7.2.2: no token comes from outside or comes twice, not even for one user', async (world) => {
    const tokens = new Set<string | undefined>()
    for (let i = 0; i < 20; i++) tokens.add(tokenOf(await world.signedIn('ann')))
    expect(tokens.size).toBe(20)
    expect(tokens.has(undefined)).toBe(false)
  })

  onEachStore('ASVS5-7.2.3: tokens have 256 random bits behind their partition, and none is stored', async (world) => {
    const client = await world.signedIn('ann')
    const token = tokenOf(client) ?? ''
    expect(token).toMatch(/^[A-Za-z0-9_-]{46}$/)
    expect(Buffer.from(token.slice(3), 'base64url')).toHaveLength(32)
    expect(JSON.stringify(await world.records())).not.toContain(token.slice(3))
  })

  onEachStore(
    'ASVS5-7.2.4: login and each new authentication give a new token, and the old one opens and creates nothing',
    async (world) => {
      const { visit, counting } = world
      const client = newClient()
      await visit(client, (session) => session.set('cart', ['tea']))
      const olds = [copyOf(client)]
      await visit(client, (session) => session.login('ann', { keep: ['cart'] }))
      olds.push(copyOf(client))
      await visit(client, (session) => session.elevate({ level: 2 }))
      expect(new Set([...olds, client].map((one) => tokenOf(one))).size).toBe(3)
      counting.reset()
      for (const old of olds) {
        const late = visit(old, (session) => {
          expect([session.subject, session.get('cart'), session.isStarted]).toEqual([undefined, undefined, false])
          session.set('mine', 1)
        })
        await expect(late).rejects.toMatchObject({ code: 'superseded' })
      }
      expect(counting.calls.filter(({ method }) => method !== 'get')).toEqual([])
      expect(await world.records()).toHaveLength(1)
    },
  )

  inMemory('ASVS5-7.2.4: there is no way to become a user but login', async ({ open }) => {
    const session = await open(newClient())
    for (const key of ['subject', 'authentication', 'handle', 'expiresAt'] as const) {
      expect(() => Object.assign(session, { [key]: 'ann' })).toThrow(TypeError)
    }
    session.set('subject', 'ann').set('__user', 'ann').set('authentication', { level: 9 })
    await session.save()
    expect([session.subject, session.authentication]).toEqual([undefined, undefined])
  })
})

describe('V7.3 timeouts', () => {
  onEachStore(
    'ASVS5-7.3.1 STORE-13: one second before the idle limit a session lives, and at the limit it is gone with no sweep',
    async (world) => {
      const { clock } = world
      const client = await world.signedIn('ann')
      clock.advance(15 * MINUTE - 1000)
      expect(await whoIs(world, client)).toBe('ann')
      clock.advance(15 * MINUTE - 1000)
      expect(await whoIs(world, client)).toBe('ann')
      clock.advance(15 * MINUTE)
      expect(await whoIs(world, client)).toBeUndefined()
      expect(await world.records()).toEqual([])
    },
    { timeouts: { idle: '15m', touchEvery: '0s' } },
  )

  onEachStore(
    'ASVS5-7.3.1 NIST-5.2-1: limits that were made shorter hold for the sessions that exist, and their records are removed',
    async (world) => {
      const client = await world.signedIn('ann')
      world.clock.advance(6 * MINUTE)
      const stricter = world.another({ timeouts: { idle: '5m', touchEvery: '0s' } })
      expect(await world.records()).toHaveLength(1)
      expect(await whoIs(stricter, client)).toBeUndefined()
      expect(await world.records()).toEqual([])
    },
  )

  onEachStore(
    'ASVS5-7.3.2: used each minute and rotated all the time, a session ends at the absolute limit to the second',
    async (world) => {
      const { clock, visit } = world
      const client = await world.signedIn('ann')
      for (let minute = 1; minute < 60; minute++) {
        clock.advance(MINUTE)
        await visit<unknown>(client, (session) => (minute % 3 === 0 ? session.rotate() : session.set('minute', minute)))
      }
      clock.advance(MINUTE - 1000)
      expect(await whoIs(world, client)).toBe('ann')
      clock.advance(1000)
      expect(await whoIs(world, client)).toBeUndefined()
    },
    { timeouts: { idle: '15m', absolute: '1h' } },
  )
})

describe('V7.4 termination', () => {
  onEachStore(
    'ASVS5-7.4.1 WSTG-SESS-06: after logout or expiry nothing is left to use, on this client or another',
    async (world) => {
      const { visit, clock } = world
      const client = await world.signedIn('ann')
      const elsewhere = copyOf(client)
      await visit(client, (session) => session.set('secret', 's').logout())
      for (const wait of [0, 30_000, MINUTE, HOUR]) {
        clock.advance(wait)
        await visit(elsewhere, (session) => expect([session.subject, session.keys()]).toEqual([undefined, []]))
      }
      expect(await world.records()).toEqual([])
      const idle = await world.signedIn('ann')
      clock.advance(17 * MINUTE)
      expect(await whoIs(world, idle)).toBeUndefined()
    },
  )

  onEachStore(
    'ASVS5-7.4.2 VULN-23: one call ends all of a disabled account, on every node, and nobody else',
    async (world) => {
      const nodes = [world, world.another(), world.another()]
      const clients = await Promise.all(Array.from({ length: 100 }, (_, i) => nodes[i % 3]!.signedIn('ann')))
      const bob = await world.signedIn('bob')
      expect(await world.sessions.forSubject('ann').endAll()).toBe(100)
      for (const node of nodes) {
        const names = await Promise.all(clients.map((client) => node.open(client).then((session) => session.subject)))
        expect(names).toEqual(clients.map(() => undefined))
      }
      expect(await whoIs(world, bob)).toBe('bob')
    },
  )

  onEachStore(
    'ASVS5-7.4.3 VULN-23: after a factor change the others are out, the data stay, and the own token is new',
    async (world) => {
      const { visit, sessions } = world
      const client = await world.signedIn('ann')
      const others = [await world.signedIn('ann'), await world.signedIn('ann')]
      await visit(client, (session) => session.set('cart', ['tea']))
      const copied = copyOf(client)
      expect(await visit(client, (session) => sessions.forSubject('ann').endAll({ except: session }))).toBe(2)
      expect(await visit(client, (session) => [session.subject, session.get('cart')])).toEqual(['ann', ['tea']])
      expect(tokenOf(client)).not.toBe(tokenOf(copied))
      for (const other of [...others, copied]) expect(await whoIs(world, other)).toBeUndefined()
    },
  )

  onEachStore('ASVS5-7.4.4 DOS-3: logout is one call that always works, and writes no record', async (world) => {
    const { visit, open, commit, clock } = world
    const anonymous = newClient()
    await visit(anonymous, async (session) => {
      await session.logout()
      await session.logout()
    })
    const client = await world.signedIn('ann')
    const session = await open(client)
    await session.logout()
    await session.logout()
    expect((await commit(client, session))?.cookies).toHaveLength(1)
    const expired = await world.signedIn('ann')
    clock.advance(13 * HOUR)
    await visit(expired, (late) => late.logout())
    expect([expired.jar.size, await world.records()]).toEqual([0, []])
  })

  onEachStore('ASVS5-7.4.5: an administrator ends the sessions of one user, or of all, at once', async (world) => {
    const { sessions } = world
    const [ann, bob] = [await world.signedIn('ann'), await world.signedIn('bob')]
    expect(await sessions.forSubject('ann').endAll()).toBe(1)
    expect([await whoIs(world, ann), await whoIs(world, bob)]).toEqual([undefined, 'bob'])
    world.counting.reset()
    await sessions.revokeAll()
    expect(world.counting.calls.map(({ method }) => method)).toEqual(['clear'])
    expect(await whoIs(world, bob)).toBeUndefined()
    expect(await whoIs(world, await world.signedIn('bob'))).toBe('bob')
  })

  inMemory(
    'ASVS5-7.4.5: ending a hundred thousand sessions is one call on the store, and none of them loads afterwards',
    async (world) => {
      const clients: ReturnType<typeof newClient>[] = []
      for (let i = 0; i < 100_000; i++) {
        const session = await world.sessions.open(factsFor(newClient()))
        await session.start().save()
        if (i % 1000 === 0) clients.push(clientWith(stateOf(session).token ?? ''))
      }
      world.counting.reset()
      await world.sessions.revokeAll()
      expect(world.counting.count()).toBe(1)
      for (const client of clients) expect((await world.open(client)).isStarted).toBe(false)
      expect(await world.records()).toEqual([])
    },
  )
})

describe('V7.5 defences against abuse', () => {
  onEachStore(
    'ASVS5-7.5.1: full authentication is asked for again in time, and using the session does not count as one',
    async (world) => {
      const { visit, clock } = world
      const client = await world.signedIn('ann')
      const check = (): Promise<void> => visit(client, (session) => session.requireFresh({ within: '5m' }))
      for (let i = 0; i < 5; i++) {
        clock.advance(MINUTE - 200)
        await visit(client, (session) => session.set('i', i))
      }
      await expect(check()).resolves.toBeUndefined()
      clock.advance(2000)
      await expect(check()).rejects.toMatchObject({ code: 'reauthentication-required' })
      await visit(client, (session) => session.rotate())
      await expect(check()).rejects.toMatchObject({ code: 'reauthentication-required' })
      await visit(client, (session) => session.elevate())
      await expect(check()).resolves.toBeUndefined()
    },
  )

  onEachStore(
    'ASVS5-7.5.2 VULN-36 CS-13: users list and end their own sessions by names that open nothing',
    async (world) => {
      const { visit, open, sessions, clock } = world
      const client = newClient()
      await visit(client, (session) => session.login('ann', { label: 'Firefox on Linux' }))
      clock.advance(1000)
      const phone = await world.signedIn('ann')
      const bob = await world.signedIn('bob')
      const list = await sessions.forSubject('ann').list()
      expect(list.map(({ createdAt, seenAt, authentication }) => [createdAt, seenAt, authentication?.label])).toEqual([
        [START, START, 'Firefox on Linux'],
        [START + 1000, START + 1000, undefined],
      ])
      const told = JSON.stringify(list)
      for (const one of [client, phone]) {
        const token = tokenOf(one) ?? ''
        for (const secret of [token, storeKeyOf('id', token as Token)]) expect(told).not.toContain(secret)
      }
      const [first, second] = list.map(({ handle }) => handle)
      for (const handle of [first ?? '', (first ?? '').padEnd(46, 'A')]) {
        expect((await open(clientWith(handle))).isStarted).toBe(false)
      }
      expect(await sessions.forSubject('bob').end(first ?? '')).toBe(false)
      expect(await sessions.forSubject('ann').end('no such name')).toBe(false)
      expect(await whoIs(world, client)).toBe('ann')
      expect(await sessions.forSubject('ann').end(second ?? '')).toBe(true)
      expect([await whoIs(world, client), await whoIs(world, phone), await whoIs(world, bob)]).toEqual([
        'ann',
        undefined,
        'bob',
      ])
    },
  )

  onEachStore(
    'ASVS5-7.5.3: a highly sensitive action can ask for a factor that was shown a short while ago',
    async (world) => {
      const { visit, clock } = world
      const client = newClient()
      await visit(client, (session) => session.login('ann', { factors: ['password', 'totp'] }))
      clock.advance(10 * MINUTE)
      // The password again does not make the one-time code of ten minutes ago fresh.
      await visit(client, (session) => session.elevate({ factors: ['password'] }))
      const check = (factor: string): Promise<void> =>
        visit(client, (session) => session.requireFresh({ within: '5m', factor }))
      await expect(check('password')).resolves.toBeUndefined()
      await expect(check('totp')).rejects.toMatchObject({ code: 'reauthentication-required' })
      await expect(check('passkey')).rejects.toMatchObject({ code: 'reauthentication-required' })
      await visit(client, (session) => session.elevate({ factors: ['totp'] }))
      await expect(check('totp')).resolves.toBeUndefined()
    },
  )
})

describe('V7.6 federation', () => {
  onEachStore(
    'ASVS5-7.6.1: a session can be told to end with that of its identity provider, and never later than the policy',
    async (world) => {
      const { visit, clock } = world
      const [short, long] = [newClient(), newClient()]
      await visit(short, (session) => session.login('ann', { absolute: '10m' }))
      await visit(long, (session) => session.login('ann', { absolute: '90d' }))
      clock.advance(10 * MINUTE - 1)
      expect([await whoIs(world, short), await whoIs(world, long)]).toEqual(['ann', 'ann'])
      clock.advance(1)
      expect([await whoIs(world, short), await whoIs(world, long)]).toEqual([undefined, 'ann'])
      for (let i = 0; i < 5; i++) {
        clock.advance(10 * MINUTE)
        await whoIs(world, long)
      }
      expect(await whoIs(world, long)).toBeUndefined()
    },
    { timeouts: { absolute: '1h' } },
  )

  onEachStore('ASVS5-7.6.2 W4: merely visiting makes no session, no cookie and no call on the store', async (world) => {
    const { open, commit, counting } = world
    for (const act of [
      () => undefined,
      (session: Awaited<ReturnType<typeof open>>) => session.get('a'),
      (session: Awaited<ReturnType<typeof open>>) => [
        session.has('a'),
        session.keys(),
        session.entries(),
        session.isNew,
      ],
      (session: Awaited<ReturnType<typeof open>>) => [session.subject, session.authentication, session.handle],
      (session: Awaited<ReturnType<typeof open>>) => session.flashes(),
      (session: Awaited<ReturnType<typeof open>>) => session.take('a'),
      (session: Awaited<ReturnType<typeof open>>) => session.set('a', 1).delete('a'),
      (session: Awaited<ReturnType<typeof open>>) => session.rotate(),
    ]) {
      const client = newClient()
      const session = await open(client)
      await act(session)
      expect((await commit(client, session))?.cookies ?? []).toEqual([])
    }
    expect(counting.count()).toBe(0)
  })
})
