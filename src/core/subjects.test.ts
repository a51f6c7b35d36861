import { describe, expect, it } from 'vitest'
import { MINUTE, START, bed, copyOf, newClient, testClock, tokenOf } from '../../test/support/bed.ts'
import { memoryStore } from '../stores/memory.ts'
import { countingStore } from '../testing/index.ts'
import type { StoreKey } from './key.ts'
import { newHandle } from './record.ts'
import type { SessionRecord, Store } from './store.ts'
import { isScannable } from './store.ts'

describe("a user's sessions", () => {
  it('are listed oldest first, with what the user may know of them', async () => {
    const { sessions, visit, clock } = bed()
    const client = newClient()
    await visit(client, (session) => session.login('ann', { label: 'Firefox', factors: ['password'] }))
    clock.advance(2 * MINUTE)
    await visit(client, (session) => session.get('a'))
    await visit(newClient(), (session) => session.login('ann'))
    const [first, second] = await sessions.forSubject('ann').list()
    expect(first).toEqual({
      handle: await visit(client, (session) => session.handle),
      createdAt: START,
      seenAt: START + 2 * MINUTE,
      expiresAt: START + 18 * MINUTE,
      authentication: { at: START, level: 1, factors: ['password'], shownAt: [START], label: 'Firefox' },
    })
    expect(second?.createdAt).toBe(START + 2 * MINUTE)
    expect(await sessions.forSubject('ann').count()).toBe(2)
    expect(await sessions.forSubject('bob').list()).toEqual([])
  })

  it('ASVS5-7.4.3: ending all but this one gives this one a new token; but one of another user spares nothing', async () => {
    const { sessions, visit, signedIn } = bed()
    const [ann, bob] = [await signedIn('ann'), await signedIn('bob')]
    const before = tokenOf(bob)
    expect(await visit(bob, (session) => sessions.forSubject('ann').endAll({ except: session }))).toBe(1)
    expect([await visit(ann, (session) => session.subject), tokenOf(bob)]).toEqual([undefined, before])
    const thief = copyOf(bob)
    expect(await visit(bob, (session) => sessions.forSubject('bob').endAll({ except: session }))).toBe(0)
    expect([await visit(bob, (session) => session.subject), await visit(thief, (session) => session.subject)]).toEqual([
      'bob',
      undefined,
    ])
  })

  it('an anonymous session given as the exception spares nothing', async () => {
    const { sessions, visit, signedIn } = bed()
    await signedIn('ann')
    expect(await visit(newClient(), (session) => sessions.forSubject('ann').endAll({ except: session }))).toBe(1)
  })

  it('ends those that a test picks, and tells how many', async () => {
    const { sessions, visit, record } = bed()
    const revoked = record('revoked')
    for (const idpSession of ['a', 'b', 'a'])
      await visit(newClient(), (session) => session.login('ann', { idpSession }))
    const user = sessions.forSubject('ann')
    expect(await user.endWhere(({ authentication }) => authentication?.idpSession === 'a')).toBe(2)
    expect(await user.endWhere(() => false)).toBe(0)
    expect(await user.count()).toBe(1)
    expect(revoked.map(({ event }) => event['count'])).toEqual([1, 1])
  })

  it('names are any text: separators, other scripts and names of built-in things are different users', async () => {
    const { sessions, signedIn, visit } = bed()
    const names = [
      'ann',
      'Ann',
      'ann ',
      'a:b',
      'id:ann',
      '__proto__',
      'constructor',
      'анн',
      '%',
      "'; --",
      'x'.repeat(255),
    ]
    const clients = await Promise.all(names.map((name) => signedIn(name)))
    for (const [i, name] of names.entries()) {
      expect(await sessions.forSubject(name).count(), name).toBe(1)
      expect(await visit(clients[i] ?? newClient(), (session) => session.subject)).toBe(name)
    }
  })

  it('a store that does not know whose session is whose says so, and so does one that cannot end them all', async () => {
    const { get, insert, update, touch, rotate, delete: remove } = memoryStore()
    const { sessions } = bed({ store: { name: 'plain', get, insert, update, touch, rotate, delete: remove } })
    expect(() => sessions.forSubject('ann')).toThrow(expect.objectContaining({ code: 'unsupported' }) as Error)
    await expect(sessions.revokeAll()).rejects.toMatchObject({ code: 'unsupported' })
    await sessions.close()
  })
})

describe('what names no session', () => {
  const noHandles = [
    undefined,
    null,
    '',
    'x'.repeat(21),
    'x'.repeat(256),
    ` ${newHandle()}`,
    `${newHandle()}\n`,
    `${newHandle().slice(1)}=`,
    0,
    true,
    {},
    [],
    [newHandle()],
    { length: 22 },
  ]

  it('ends none, and is not shown to the store (S4)', async () => {
    const { store, calls } = countingStore(memoryStore({ now: testClock().now }))
    const { sessions, signedIn, record } = bed({ store })
    await signedIn('ann')
    const user = sessions.forSubject('ann')
    const before = calls.length
    const events = record('store-error', 'outage', 'revoked')
    for (const handle of noHandles) {
      expect(await Reflect.apply(user.end, user, [handle]), JSON.stringify(handle)).toBe(false)
    }
    expect(await user.end(newHandle())).toBe(false)
    expect([calls.length - before, events, await user.count()]).toEqual([1, [], 1])
  })

  it('spares none: an exception that is no session is a TypeError, and nothing has ended (S4)', async () => {
    const { sessions, signedIn, visit } = bed()
    const ann = await signedIn('ann')
    const user = sessions.forSubject('ann')
    const handle = await visit(ann, (session) => session.handle)
    const session = await visit(ann, (one) => one)
    const wrong = [
      ...[...noHandles.slice(1), handle, { subject: 'ann', handle }].map((except) => ({ except })),
      { exept: session },
      session,
      handle,
      null,
    ]
    for (const options of wrong) {
      await expect(Reflect.apply(user.endAll, user, [options]), JSON.stringify(options)).rejects.toThrow(TypeError)
    }
    expect(await user.count()).toBe(1)
    await expect(Reflect.apply(user.endWhere, user, ['all'])).rejects.toThrow(TypeError)
  })
})

describe('a session about which a newer version has noted more', () => {
  it('is listed with what can be read and can be ended, and hides no other (S5)', async () => {
    const { sessions, visit, record, store, clock } = bed()
    await visit(newClient(), (session) => session.login('ann', { idpSession: 'a' }))
    clock.advance(MINUTE)
    const spoilt = newClient()
    await visit(spoilt, (session) => session.login('ann', { idpSession: 'a' }))
    await spoil(store, (text) => text.replace('"v":1', '"v":2'))
    const user = sessions.forSubject('ann')
    const seen = record('undecodable')
    const list = await user.list()
    expect(list.map(({ authentication }) => authentication?.idpSession)).toEqual(['a', undefined])
    expect(seen).toMatchObject([{ event: { data: 'unopened', error: { code: 'undecodable' } } }])
    expect(await user.endWhere(({ authentication }) => authentication?.idpSession === 'a')).toBe(1)
    expect(await user.end(list[1]?.handle ?? '')).toBe(true)
    expect(await user.count()).toBe(0)
  })
})

/** Changes the facts of the session that was inserted last. */
async function spoil(store: Store, change: (meta: string) => string): Promise<void> {
  if (!isScannable(store)) throw new Error('no scan')
  const entries: (readonly [StoreKey, SessionRecord])[] = []
  for await (const page of store.scan()) entries.push(...page)
  const [newest] = entries.toSorted(([, a], [, b]) => b.createdAt - a.createdAt)
  if (newest === undefined) throw new Error('no session')
  const [key, record] = newest
  await store.update(key, record.version, { ...record, version: record.version + 1, meta: change(record.meta) })
}

describe('tokens that are replaced by age', () => {
  it('CS-6: a token older than its age is replaced at the next request, and the old one leads on for the grace', async () => {
    const { visit, open, clock } = bed({ rotation: { every: '10m', grace: '10s' } })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    clock.advance(10 * MINUTE - 1)
    const first = tokenOf(client)
    await visit(client, () => undefined)
    expect(tokenOf(client)).toBe(first)
    const old = copyOf(client)
    clock.advance(1)
    await visit(client, () => undefined)
    expect(tokenOf(client)).not.toBe(first)
    clock.advance(9999)
    await visit(old, (session) => session.set('b', 2))
    expect(tokenOf(old)).toBe(first)
    expect(await visit(client, (session) => ({ ...session.data }))).toEqual({ a: 1, b: 2 })
    clock.advance(1)
    expect((await open(old)).isStarted).toBe(false)
    clock.advance(10 * MINUTE)
    const second = tokenOf(client)
    await visit(client, () => undefined)
    expect(tokenOf(client)).not.toBe(second)
  })

  it('CS-6: what the request changed goes with the replacement, in one write', async () => {
    const { visit, open, commit, clock } = bed({ rotation: { every: '10m' } })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    clock.advance(11 * MINUTE)
    const session = await open(client)
    session.set('a', 2)
    await commit(client, session)
    expect(session.activity.writes).toBe(1)
    expect(await visit(client, (again) => again.get('a'))).toBe(2)
  })

  it('elevating begins a new age', async () => {
    const { signedIn, visit, clock } = bed({ rotation: { every: '10m' } })
    const client = await signedIn('ann')
    clock.advance(6 * MINUTE)
    await visit(client, (session) => session.elevate())
    clock.advance(6 * MINUTE)
    const token = tokenOf(client)
    await visit(client, () => undefined)
    expect(tokenOf(client)).toBe(token)
  })

  it('of many requests at that moment one replaces the token, and all of them are served', async () => {
    const clock = testClock()
    const { visit, open, commit } = bed({ clock, rotation: { every: '10m' } })
    const client = newClient()
    await visit(client, (session) => session.set('n', 0))
    clock.advance(11 * MINUTE)
    const sessions = await Promise.all(Array.from({ length: 20 }, () => open(client)))
    const outcomes = await Promise.all(
      sessions.map(async (session, i) => {
        session.set(`k${i}`, i)
        return commit(client, session)
      }),
    )
    expect(outcomes.filter((outcome) => (outcome?.cookies.length ?? 0) > 0)).toHaveLength(1)
    expect(await visit(client, (session) => session.keys().length)).toBe(21)
  })
})
