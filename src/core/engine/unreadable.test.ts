import { describe, expect, it } from 'vitest'
import { bed, newClient, testClock, tokenOf } from '../../../test/support/bed.ts'
import { memoryStore } from '../../stores/memory.ts'
import { faultStore } from '../../testing/index.ts'
import { SessionError } from '../errors.ts'
import type { StoreKey } from '../key.ts'

/** A store of which some records cannot be read: their columns are spoilt. */
function spoilable() {
  const clock = testClock()
  const spoilt = new Set<StoreKey>()
  const inner = memoryStore({ now: clock.now })
  const { store } = faultStore(inner, {
    rules: [{ fault: 'reject', methods: ['get'], when: ({ args }) => spoilt.has(args[0] as StoreKey) }],
    error: new SessionError('undecodable', 'a row does not hold what this store writes'),
  })
  const spoilAll = async (): Promise<void> => {
    for await (const page of inner.scan()) for (const [key] of page) spoilt.add(key)
  }
  return { ...bed({ store, clock }), inner, spoilAll, heal: () => spoilt.clear() }
}

describe('a record that its store cannot read', () => {
  it('counts as absent, with the event: the visitor is served, and the cookie stays as it is (S5)', async () => {
    const { visit, signedIn, record, spoilAll } = spoilable()
    const ann = await signedIn('ann')
    const token = tokenOf(ann)
    await spoilAll()
    const seen = record('undecodable', 'outage')
    expect(await visit(ann, (session) => [session.subject, session.isStarted])).toEqual([undefined, false])
    expect(seen).toMatchObject([{ name: 'undecodable', event: { data: 'unopened', error: { code: 'undecodable' } } }])
    expect(tokenOf(ann)).toBe(token)
  })

  it('does not lock its visitor out: a sign-in begins a new session, and the old token stays dead (S5)', async () => {
    const { visit, signedIn, spoilAll, heal } = spoilable()
    const ann = await signedIn('ann')
    const thief = { ...ann, jar: new Map(ann.jar) }
    await spoilAll()
    await visit(ann, (session) => session.login('ann'))
    expect(await visit(ann, (session) => session.subject)).toBe('ann')
    heal()
    expect(await visit(thief, (session) => session.subject)).toBeUndefined()
  })

  it('a sign-out ends it and takes the cookie away (S5)', async () => {
    const { visit, signedIn, spoilAll, heal, sessions } = spoilable()
    const ann = await signedIn('ann')
    const thief = { ...ann, jar: new Map(ann.jar) }
    await spoilAll()
    await visit(ann, (session) => session.logout())
    expect(tokenOf(ann)).toBeUndefined()
    heal()
    expect(await visit(thief, (session) => session.subject)).toBeUndefined()
    expect(await sessions.forSubject('ann').count()).toBe(0)
  })

  it('is found through the mark of a rotation too, and ended there (S5)', async () => {
    const { visit, signedIn, spoilAll, heal, sessions } = spoilable()
    const ann = await signedIn('ann')
    const late = { ...ann, jar: new Map(ann.jar) }
    await visit(ann, (session) => session.rotate())
    await spoilAll()
    await visit(late, (session) => session.logout())
    heal()
    expect(await sessions.forSubject('ann').count()).toBe(0)
    expect(await visit(newClient(), (session) => session.subject)).toBeUndefined()
  })
})
