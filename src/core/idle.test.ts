import { describe, expect, it } from 'vitest'
import { HOUR, MINUTE, bed, newClient, testClock } from '../../test/support/bed.ts'
import { memoryStore } from '../stores/memory.ts'
import { countingStore } from '../testing/index.ts'

const exact = { timeouts: { touchEvery: '0s' } } as const

describe('an idle limit of a session’s own', () => {
  it('K15: is kept with the session, for requests that say nothing of it', async () => {
    const { visit, clock } = bed({ ...exact })
    const client = newClient()
    await visit(client, (session) => session.start({ idle: '1h' }))
    for (let i = 0; i < 3; i++) {
      clock.advance(HOUR - 1)
      await visit(client, (session) => expect(session.isNew).toBe(false))
    }
    clock.advance(HOUR)
    await visit(client, (session) => expect(session.isNew).toBe(true))
  })

  it('can be made shorter and longer again, without any change of the data, and is written only when it changes', async () => {
    const clock = testClock()
    const counting = countingStore(memoryStore({ now: clock.now }))
    const { visit } = bed({ store: counting.store, clock })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    counting.reset()
    await visit(client, (session) => session.start({ idle: '1m' }))
    await visit(client, (session) => session.start({ idle: '1m' }))
    expect(counting.calls.map(({ method }) => method)).toEqual(['get', 'update', 'get'])
    clock.advance(MINUTE - 1)
    await visit(client, (session) => session.start({ idle: '2h' }))
    clock.advance(HOUR)
    await visit(client, (session) => expect(session.get('a')).toBe(1))
  })

  it('survives a merge, a rotation and a login of the same request, and never passes the absolute limit', async () => {
    const { visit, clock, open, commit } = bed({ ...exact, timeouts: { touchEvery: '0s', absolute: '3h' } })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const [one, other] = [await open(client), await open(client)]
    one.start({ idle: '1h' }).set('b', 2)
    other.set('c', 3)
    await commit(client, other)
    await commit(client, one)
    clock.advance(HOUR - 1)
    await visit(client, async (session) => {
      expect(session.data).toEqual({ a: 1, b: 2, c: 3 })
      await session.rotate()
    })
    clock.advance(HOUR - 1)
    await visit(client, async (session) => {
      session.start({ idle: '3h' })
      await session.login('ann', { keep: 'all' })
    })
    clock.advance(3 * HOUR - 1)
    await visit(client, (session) => expect(session.subject).toBe('ann'))
    clock.advance(1)
    await visit(client, (session) => expect(session.subject).toBe(undefined))
  })

  it('ends the session when it says, however seldom the use of others is written down (F4)', async () => {
    const { visit, clock } = bed()
    const client = newClient()
    await visit(client, (session) => session.start({ idle: '2s' }))
    for (let i = 0; i < 5; i++) {
      clock.advance(1900)
      await visit(client, (session) => expect(session.isNew).toBe(false))
    }
    clock.advance(2200)
    await visit(client, (session) => expect(session.isNew).toBe(true))
  })

  it('is a duration, or an error', async () => {
    const session = await bed().open(newClient())
    expect(() => session.start({ idle: '0s' })).toThrow('start: idle')
    // The absolute limit would end it long before (F11).
    expect(() => session.start({ idle: '13h' })).toThrow(/^start: idle: longer than the absolute limit, 12 h/)
  })
})
