import { describe, expect, it, vi } from 'vitest'
import type { BedOptions, Client, Loose } from '../../../test/support/bed.ts'
import { MINUTE, bed, clientWith, copyOf, factsFor, newClient, testClock, tokenOf } from '../../../test/support/bed.ts'
import { recordsIn } from '../../../test/support/stores.ts'
import { memoryStore } from '../../stores/memory.ts'
import { countingStore, faultStore } from '../../testing/index.ts'
import { cookieCarrier } from '../web/cookie-carrier.ts'
import { SessionError } from '../errors.ts'

const at = (client: Client, address: string): Client => ({ ...client, address })

describe('opening', () => {
  it('DOS-2 K1 P2: a visit without a token opens without a promise, a store call or a cookie', () => {
    const counting = countingStore(memoryStore())
    const { sessions } = bed({ store: counting.store })
    const session = sessions.open(factsFor(newClient()))
    expect(session).not.toBeInstanceOf(Promise)
    if (session instanceof Promise) return
    expect(session.commit()).toBeUndefined()
    expect(counting.count()).toBe(0)
  })

  it('CS-3 VULN-2 K21: a token that nobody was given opens an empty session, and nothing is stored under it', async () => {
    const clock = testClock()
    const store = memoryStore({ now: clock.now })
    const counting = countingStore(store)
    const { visit, record } = bed({ store: counting.store, clock })
    const unknown = record('unknown')
    const planted = 'A'.repeat(46)
    const client: Client = { jar: new Map([['__Host-id', planted]]), address: '198.51.100.7' }
    await visit(client, (session) => {
      expect([session.isNew, session.keys()]).toEqual([true, []])
      session.set('a', 1)
    })
    expect(tokenOf(client)).not.toBe(planted)
    const presented = counting.calls.find(({ method }) => method === 'get')?.args[0]
    expect((await recordsIn(store)).map(([key]) => key)).not.toContain(presented)
    expect(unknown.map(({ event }) => event)).toEqual([{ clientAddress: '198.51.100.7' }])
  })

  it('COOKIE-9 ASVS5-15.3.7: two different values under the name of the cookie are none, and an event says so', async () => {
    const { visit, open, record } = bed()
    const seen = record('ambiguous')
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const token = tokenOf(client) ?? ''
    const twice = (other: string): Client => ({ jar: new Map([['__Host-id', `${token}; __Host-id=${other}`]]) })
    expect((await open(twice('B'.repeat(46)))).isStarted).toBe(false)
    expect((await open(twice(token))).isStarted).toBe(true)
    expect(seen.map(({ event }) => event)).toEqual([{ carrier: 'cookie' }])
  })

  it('ASVS5-15.4.1: two requests with one token share no object', async () => {
    const { visit, open } = bed()
    const client = newClient()
    await visit(client, (session) => session.set('list', [1]))
    const [one, two] = [await open(client), await open(client)]
    expect(one.data).not.toBe(two.data)
    expect(one.get('list')).not.toBe(two.get('list'))
  })

  it('the URL is told without the token that a carrier has put into it', async () => {
    const strip = (url: string): string => url.replace(/;id=[^/?]*/, '')
    const { open } = bed({ carriers: [{ ...cookieCarrier(), strip }] })
    expect((await open(newClient(), { url: '/shop;id=secret?page=2' })).url).toBe('/shop?page=2')
  })
})

describe('refused tokens', () => {
  it('Y30 Y33: by default an unknown or expired token gives a new session, silently', async () => {
    const { visit, clock } = bed({ timeouts: { touchEvery: '0s' } })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    clock.advance(15 * MINUTE)
    await visit(client, (session) => expect([session.answer, session.isNew]).toEqual([undefined, true]))
  })

  it('Y30 Y33: with a message the visitor is told once, the token is taken away, and nothing is cached', async () => {
    const { open, visit, clock } = bed({ timeouts: { touchEvery: '0s' }, refusal: { answer: 'message' } })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    clock.advance(15 * MINUTE)
    const { answer } = await open(client)
    expect(answer).toMatchObject({ status: 200, body: 'Session expired' })
    expect(answer?.cookies).toEqual([expect.stringMatching(/^__Host-id=; .*Max-Age=0/)])
    expect(new Map(answer?.headers)).toEqual(
      new Map([
        ['content-type', 'text/plain; charset=utf-8'],
        ['cache-control', 'private, no-store'],
        ['vary', 'cookie'],
      ]),
    )
    expect((await open(newClient())).answer).toBeUndefined()
  })

  it('Y33: the text and the status can be changed', async () => {
    const { open } = bed({ refusal: { answer: 'message', message: 'Bitte neu anmelden', status: 401 } })
    const { answer } = await open({ jar: new Map([['__Host-id', 'A'.repeat(46)]]) })
    expect(answer).toMatchObject({ status: 401, body: 'Bitte neu anmelden' })
  })
})

describe('binding', () => {
  it('Y31 CS-11: bound to its address, a session is refused elsewhere, and the rightful client stays', async () => {
    const { visit, open, record } = bed({ bind: 'client-address', refusal: { answer: 'message' } })
    const seen = record('mismatch')
    const owner = newClient('192.0.2.1')
    const { reference } = await visit(owner, (session) => session.set('a', 1).start())
    const thief = at(copyOf(owner), '203.0.113.9')
    const refused = await open(thief)
    expect(refused.answer).toMatchObject({ status: 200, body: 'Session expired' })
    expect(refused.answer?.cookies).toHaveLength(1)
    expect([refused.isStarted, refused.get('a')]).toEqual([false, undefined])
    expect(seen.map(({ event }) => event)).toEqual([{ reference, clientAddress: '203.0.113.9' }])
    expect(await visit(owner, (session) => session.get('a'))).toBe(1)
  })

  it('Y31: what the other client does, a sign-out among it, does not touch the session', async () => {
    const { signedIn, visit } = bed({ bind: 'client-address' })
    const owner = await signedIn('ann', '192.0.2.1')
    const thief = at(copyOf(owner), '203.0.113.9')
    await visit(thief, async (session) => {
      expect(session.subject).toBeUndefined()
      session.set('mine', 1)
      await session.logout()
      await session.destroy()
    })
    expect(await visit(owner, (session) => session.subject)).toBe('ann')
  })

  it('Y31: without binding another address is no matter', async () => {
    const { signedIn, visit } = bed()
    const client = await signedIn('ann', '192.0.2.1')
    expect(await visit(at(client, '203.0.113.9'), (session) => session.subject)).toBe('ann')
  })

  it('CS-11: a client that shows nothing to compare is let in, and a login binds anew', async () => {
    const { visit } = bed({ bind: ({ header }) => header('user-agent') })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1), { headers: { 'user-agent': 'Firefox' } })
    expect(await visit(client, (session) => session.get('a'))).toBe(1)
    expect(await visit(client, (session) => session.get('a'), { headers: { 'user-agent': 'curl' } })).toBeUndefined()
    await visit(client, (session) => session.login('ann'), { headers: { 'user-agent': 'Safari' } })
    expect(await visit(client, (session) => session.subject, { headers: { 'user-agent': 'Safari' } })).toBe('ann')
    expect(await visit(client, (session) => session.subject, { headers: { 'user-agent': 'Firefox' } })).toBeUndefined()
  })

  it('CS-11: where there is no address to compare, a session that is bound to one is not opened (S1)', async () => {
    for (const bind of ['client-address', 'client-network'] as const) {
      const { signedIn, visit, record } = bed({ bind })
      const seen = record('mismatch')
      const owner = await signedIn('ann', '192.0.2.1')
      const nowhere: Client = { jar: new Map(owner.jar) }
      const koas: Client = { jar: new Map(owner.jar), address: '' }
      expect(await visit(nowhere, (session) => session.subject)).toBeUndefined()
      expect(await visit(koas, (session) => session.subject)).toBeUndefined()
      expect(await visit(owner, (session) => session.subject)).toBe('ann')
      expect(seen).toHaveLength(2)
    }
  })

  it('CS-11: where there is no address to bind to, nothing is begun, and a warning says so once (S1)', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const { visit, open, record } = bed({ bind: 'client-address' })
    const seen = record('warning')
    const login = visit(newClient(''), (session) => session.login('ann'))
    await expect(login).rejects.toThrow(/^bind: .*clientAddress.*trustProxy/)
    await expect(visit(newClient(), (session) => session.set('a', 1))).rejects.toMatchObject({ code: 'unsupported' })
    await open(newClient())
    expect(seen.map(({ event }) => event['message'])).toEqual([expect.stringContaining('clientAddress')])
    warn.mockRestore()
  })

  it('CS-11: bound to its network, a session follows the changing half of an IPv6 address, and no more (S11)', async () => {
    const { signedIn, visit } = bed({ bind: 'client-network' })
    const subjectAt = async (owner: Client, address: string): Promise<string | undefined> =>
      visit(at(copyOf(owner), address), (session) => session.subject)
    const six = await signedIn('ann', '2001:db8:0:1:1::1')
    expect(await subjectAt(six, '2001:db8:0:1:2::2')).toBe('ann')
    expect(await subjectAt(six, '2001:db8:0:2:1::1')).toBeUndefined()
    const four = await signedIn('bob', '::ffff:192.0.2.1')
    expect(await subjectAt(four, '192.0.2.1')).toBe('bob')
    expect(await subjectAt(four, '192.0.2.2')).toBeUndefined()
  })

  it('the address is asked for when the request arrives, and only where somebody wants to know it (S1)', () => {
    const asked = (options: BedOptions<Loose>, listens?: 'unknown' | 'mismatch'): number => {
      const { sessions } = bed(options)
      if (listens !== undefined) sessions.on(listens, () => undefined)
      let count = 0
      const facts = Object.defineProperty({ ...factsFor(clientWith('A'.repeat(46))) }, 'clientAddress', {
        get: () => `192.0.2.${++count}`,
      })
      void sessions.open(facts)
      return count
    }
    expect(asked({})).toBe(0)
    expect(asked({}, 'unknown')).toBe(1)
    expect(asked({}, 'mismatch')).toBe(1)
    expect(asked({ bind: 'client-address' })).toBe(1)
    expect(asked({ bind: ({ header }) => header('user-agent') })).toBe(1)
  })

  it('what a session is bound to is stored as a hash', async () => {
    const clock = testClock()
    const store = memoryStore({ now: clock.now })
    await bed({ store, clock, bind: 'client-address' }).signedIn('ann', '192.0.2.1')
    expect(JSON.stringify(await recordsIn(store))).not.toContain('192.0.2.1')
  })
})

describe('applications that share a store', () => {
  it('VULN-21 K16: the token of one opens nothing in another, whatever its cookie is called', async () => {
    const clock = testClock()
    const store = memoryStore({ now: clock.now })
    const user = bed({ store, clock, cookie: { name: '__Host-user' } })
    const admin = bed({ store, clock, cookie: { name: '__Host-admin' } })
    const client = await user.signedIn('ann')
    const token = tokenOf(client, '__Host-user') ?? ''
    client.jar.set('__Host-admin', token)
    expect(await admin.visit(client, (session) => [session.subject, session.isStarted])).toEqual([undefined, false])
    expect(await user.visit(client, (session) => session.subject)).toBe('ann')
  })

  it('K16: one visitor has a session in each of them, with data of its own', async () => {
    const clock = testClock()
    const store = memoryStore({ now: clock.now })
    const shop = bed({ store, clock, cookie: { name: '__Host-shop' } })
    const forum = bed({ store, clock, cookie: { name: '__Host-forum' } })
    const client = newClient()
    await shop.visit(client, (session) => session.set('in', 'shop'))
    await forum.visit(client, (session) => session.set('in', 'forum'))
    expect(client.jar.size).toBe(2)
    expect(await shop.visit(client, (session) => session.get('in'))).toBe('shop')
    expect(await forum.visit(client, (session) => session.get('in'))).toBe('forum')
  })

  it('K16: users of one name in two applications are not one user', async () => {
    const clock = testClock()
    const store = memoryStore({ now: clock.now })
    const perSubject = { max: 1, onLimit: 'evict-oldest' } as const
    const [shop, forum] = ['shop', 'forum'].map((namespace) => bed({ store, clock, namespace, perSubject }))
    const inShop = await shop?.signedIn('ann')
    const inForum = await forum?.signedIn('ann')
    expect(await shop?.sessions.forSubject('ann').count()).toBe(1)
    expect(await forum?.sessions.forSubject('ann').endAll()).toBe(1)
    expect(await shop?.visit(inShop ?? newClient(), (session) => session.subject)).toBe('ann')
    expect(await forum?.visit(inForum ?? newClient(), (session) => session.subject)).toBeUndefined()
  })
})

describe('a store that cannot be reached', () => {
  const ill = (onStoreError: 'throw' | 'anonymous') => {
    const clock = testClock()
    const faulty = faultStore(memoryStore({ now: clock.now }), { rules: [] })
    return { ...bed({ store: faulty.store, clock, onStoreError }), faulty }
  }

  it('ASVS5-16.5.3: by default a session that cannot be loaded is an error, not an anonymous visitor', async () => {
    const { signedIn, open, faulty } = ill('throw')
    const client = await signedIn('ann')
    faulty.setRules([{ fault: 'reject' }])
    await expect(open(client)).rejects.toMatchObject({ code: 'store-unavailable' })
  })

  it('ASVS5-16.5.2: degraded reading, when asked for, serves an empty session that keeps its cookie and stores nothing', async () => {
    const { signedIn, open, commit, visit, faulty } = ill('anonymous')
    const client = await signedIn('ann')
    const token = tokenOf(client)
    faulty.setRules([{ methods: ['get'], fault: 'reject' }])
    const session = await open(client)
    expect([session.isDegraded, session.subject, session.isStarted]).toEqual([true, undefined, false])
    session.start().set('a', 1)
    expect(await session.increment('n')).toBe(1)
    expect((await commit(client, session))?.cookies).toEqual([])
    expect(session.activity).toEqual({ reads: 1, writes: 0 })
    expect(tokenOf(client)).toBe(token)
    faulty.setRules([])
    expect(await visit(client, (again) => [again.subject, again.keys()])).toEqual(['ann', []])
  })

  it('STORE-3: signing out while reading is degraded ends the session all the same, or says that it could not', async () => {
    const { signedIn, open, commit, visit, faulty } = ill('anonymous')
    const client = await signedIn('ann')
    const thief = copyOf(client)
    faulty.setRules([{ fault: 'reject' }])
    const failing = await open(client)
    await expect(failing.logout()).rejects.toMatchObject({ code: 'store-unavailable' })
    await commit(client, failing)
    expect(client.jar.size).toBe(1)
    faulty.setRules([{ methods: ['get'], fault: 'reject' }])
    const session = await open(client)
    await session.logout()
    await commit(client, session)
    expect(client.jar.size).toBe(0)
    faulty.setRules([])
    expect(await visit(thief, (again) => again.subject)).toBeUndefined()
  })

  it('only an outage is degraded: another fault is still an error', async () => {
    const { signedIn, open, faulty } = ill('anonymous')
    const client = await signedIn('ann')
    const closed = new SessionError('closed', 'store memory: it has been closed')
    faulty.setRules([{ methods: ['get'], fault: async () => Promise.reject(closed) }])
    await expect(open(client)).rejects.toBe(closed)
  })
})
