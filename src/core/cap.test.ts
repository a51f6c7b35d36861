import { describe, expect, it } from 'vitest'
import { bed, newClient, testClock } from '../../test/support/bed.ts'
import { memoryStore } from '../stores/memory.ts'
import { countingStore } from '../testing/index.ts'
import type { Store } from './store.ts'

describe('the cap per user that is in force when nothing is said', () => {
  it('ends the oldest of more than a hundred sessions of one user, and tells (S6)', async () => {
    const { sessions, visit, signedIn, clock, record } = bed()
    const evicted = record('evicted')
    const [first, second] = [await signedIn('ann'), await signedIn('ann')]
    const other = await signedIn('ben')
    clock.advance(1)
    for (let i = 2; i < 100; i++) await signedIn('ann')
    expect(evicted).toEqual([])
    clock.advance(1)
    await signedIn('ann')
    expect(await sessions.forSubject('ann').count()).toBe(100)
    expect(evicted).toMatchObject([{ event: { subject: 'ann', count: 1 } }])
    const left = [await visit(first, ({ subject }) => subject), await visit(second, ({ subject }) => subject)]
    expect(left.filter((subject) => subject === 'ann')).toHaveLength(1)
    expect(await visit(other, (session) => session.subject)).toBe('ben')
    expect(sessions.policy().perSubject).toEqual({ max: 100, onLimit: 'evict-oldest' })
  })

  it('does not count what has expired, and ends nobody for it', async () => {
    const { sessions, signedIn, clock, record } = bed()
    const evicted = record('evicted')
    for (let i = 0; i < 100; i++) await signedIn('ann')
    clock.advance(20 * 60_000)
    for (let i = 0; i < 100; i++) await signedIn('ann')
    expect([evicted.length, await sessions.forSubject('ann').count()]).toEqual([0, 100])
  })

  it('costs a login no further call of the store', async () => {
    const clock = testClock()
    const calls = []
    for (const perSubject of [undefined, 'unlimited'] as const) {
      const counting = countingStore(memoryStore({ now: clock.now }))
      const { visit } = bed({ store: counting.store, clock, ...(perSubject && { perSubject }) })
      const client = newClient()
      await visit(client, (session) => session.set('a', 1))
      await visit(client, (session) => session.login('ann'))
      calls.push(counting.calls.map(({ method }) => method))
    }
    expect(calls[0]).toEqual(calls[1])
  })

  it('is none where the application says so', async () => {
    const { sessions, signedIn } = bed({ perSubject: 'unlimited' })
    for (let i = 0; i < 120; i++) await signedIn('ann')
    expect(await sessions.forSubject('ann').count()).toBe(120)
    expect(sessions.policy().perSubject).toBeUndefined()
  })

  it('is none on a store that does not know its subjects, which serves logins all the same', async () => {
    const clock = testClock()
    const { listBySubject: _, ...rest } = memoryStore({ now: clock.now })
    const store: Store = rest
    for (const options of [{}, { perSubject: 'unlimited' }] as const) {
      const { sessions, signedIn, visit } = bed({ store, clock, ...options })
      const client = await signedIn('ann')
      expect(await visit(client, (session) => session.subject)).toBe('ann')
      expect(sessions.policy().perSubject).toBeUndefined()
    }
  })
})
