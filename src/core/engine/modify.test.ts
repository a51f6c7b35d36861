import { describe, expect, it } from 'vitest'
import { bed, copyOf, newClient, settled, testClock } from '../../../test/support/bed.ts'
import { storesUnderTest } from '../../../test/support/stores.ts'
import { memoryStore } from '../../stores/memory.ts'
import { faultStore, pausableStore } from '../../testing/index.ts'

describe('atomic changes', () => {
  for (const { name, make } of storesUnderTest) {
    it(`RACE-1: a hundred overlapping increments of one counter add up exactly (${name})`, async () => {
      const clock = testClock()
      const { store, close } = await make(clock.now)
      const { open, visit } = bed({ store, clock })
      const client = newClient()
      await visit(client, (session) => session.increment('n'))
      const sessions = await Promise.all(Array.from({ length: 100 }, () => open(client)))
      await Promise.all(sessions.map((session) => session.increment('n', 2)))
      expect(await visit(client, (session) => session.get('n'))).toBe(201)
      await close()
    })

    it(`RACE-15: of a hundred overlapping takes exactly one gets the value (${name})`, async () => {
      const clock = testClock()
      const { store, close } = await make(clock.now)
      const { open, visit } = bed({ store, clock })
      const client = newClient()
      await visit(client, (session) => session.set('ticket', 'T1').set('other', 1))
      const sessions = await Promise.all(Array.from({ length: 100 }, () => open(client)))
      const taken = await Promise.all(sessions.map((session) => session.take('ticket')))
      expect(taken.filter((value) => value === 'T1')).toHaveLength(1)
      expect(taken.filter((value) => value === undefined)).toHaveLength(99)
      expect(await visit(client, (session) => ({ ...session.data }))).toEqual({ other: 1 })
      await close()
    })

    it(`RACE-15: each flash message is given out once, however many pages ask at once (${name})`, async () => {
      const clock = testClock()
      const { store, close } = await make(clock.now)
      const { open, visit } = bed({ store, clock })
      const client = newClient()
      await visit(client, (session) => session.flash('info', 'saved'))
      await visit(client, (session) => session.flash('warning', 'twice'))
      const sessions = await Promise.all(Array.from({ length: 20 }, () => open(client)))
      const taken = (await Promise.all(sessions.map((session) => session.flashes()))).flat()
      expect(taken).toEqual([
        { kind: 'info', message: 'saved' },
        { kind: 'warning', message: 'twice' },
      ])
      await close()
    })
  }

  it('the change runs again on fresh data when another request got its write in between', async () => {
    const { open, visit } = bed()
    const client = newClient()
    await visit(client, (session) => session.set('stock', 3))
    const [slow, fast] = await Promise.all([open(client), open(client)])
    const seen: unknown[] = []
    const result = await slow.update(async (data) => {
      seen.push(data['stock'])
      if (seen.length === 1) await fast.increment('stock', -1)
      data['stock'] = Number(data['stock']) - 1
      return `left ${String(data['stock'])}`
    })
    expect(seen).toEqual([3, 2])
    expect(result).toBe('left 1')
    expect(slow.get('stock')).toBe(1)
  })

  it('a change that throws changes nothing, neither here nor in the store', async () => {
    const { open, visit } = bed()
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const session = await open(client)
    const change = session.update((data) => {
      data['a'] = 2
      throw new RangeError('out of stock')
    })
    await expect(change).rejects.toThrow(RangeError)
    expect(session.get('a')).toBe(1)
    expect(session.activity).toEqual({ reads: 1, writes: 0 })
  })

  it('what was changed on the session before goes with it, in one write', async () => {
    const { open, visit } = bed()
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const session = await open(client)
    session.data['b'] = 2
    await session.increment('a')
    expect(session.activity.writes).toBe(1)
    expect(session.commit()).not.toBeInstanceOf(Promise)
    expect(await visit(client, (again) => ({ ...again.data }))).toEqual({ a: 2, b: 2 })
  })

  it('changes on a session without a record are exact as well, and make one record', async () => {
    const { open, sessions } = bed()
    const created: unknown[] = []
    sessions.on('created', (event) => created.push(event))
    const session = await open(newClient())
    await Promise.all(Array.from({ length: 10 }, () => session.increment('n')))
    expect(session.get('n')).toBe(10)
    session.data['ticket'] = 1
    const taken = await Promise.all([session.take('ticket'), session.take('ticket'), session.take('ticket')])
    expect(taken.filter((value) => value !== undefined)).toEqual([1])
    expect(created).toHaveLength(1)
  })

  it('RACE-1: what the handler writes while an update is under way is not lost', async () => {
    const clock = testClock()
    const pausable = pausableStore(memoryStore({ now: clock.now }))
    const { open, visit } = bed({ store: pausable.store, clock })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const session = await open(client)
    const before = session.increment('n')
    session.data['early'] = true
    pausable.hold({ method: 'update' })
    const held = await pausable.nextHeld()
    session.data['late'] = true
    session.data['n'] = 100
    held.release()
    pausable.releaseAll()
    expect(await before).toBe(1)
    await session.commit()
    // The direct write of n came after the increment had been sent, so it wins.
    expect(await visit(client, (again) => ({ ...again.data }))).toEqual({ a: 1, n: 100, early: true, late: true })
  })

  it('RACE-1: a list that the handler holds is still the session data after an update', async () => {
    const { visit } = bed()
    const client = newClient()
    await visit(client, (session) => session.set('cart', ['tea']).set('user', { name: 'Ann', tags: [] }))
    await visit(client, async (session) => {
      const cart = session.get('cart') as string[]
      const user = session.get('user') as { name: string; tags: string[] }
      await session.increment('n')
      cart.push('milk')
      user.tags.push('new')
    })
    expect(await visit(client, (session) => ({ ...session.data }))).toEqual({
      cart: ['tea', 'milk'],
      user: { name: 'Ann', tags: ['new'] },
      n: 1,
    })
  })

  it('an update that keeps losing gives up with the code conflict, and writes nothing', async () => {
    const clock = testClock()
    const inner = memoryStore({ now: clock.now })
    const faulty = faultStore(inner, { rules: [] })
    const { open, visit } = bed({ store: faulty.store, clock })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const session = await open(client)
    faulty.setRules([
      {
        methods: ['update'],
        fault: async () => {
          const current = (await visit(copyOf(client), (other) => other.isStarted)) && (await currentIn(inner))
          return { outcome: 'conflict', current }
        },
      },
    ])
    await expect(session.increment('a')).rejects.toMatchObject({ code: 'conflict' })
    expect(session.get('a')).toBe(1)
  }, 20_000)

  it('in a session that ended meanwhile an update is refused with the code gone', async () => {
    const { open, visit } = bed()
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const session = await open(client)
    await visit(copyOf(client), (other) => other.destroy())
    await expect(session.increment('a')).rejects.toMatchObject({ code: 'gone' })
    await settled()
    expect(await session.commit()).toMatchObject({ cookies: [] })
  })

  it('an increment of what is no number is a TypeError that names the key', async () => {
    const { open } = bed()
    const session = await open(newClient())
    session.data['name'] = 'Ann'
    await expect(session.increment('name')).rejects.toThrow(/increment: name is not a number/)
    await expect(session.increment('hits', Number.NaN)).rejects.toMatchObject({ code: 'not-encodable' })
    expect(session.get('hits')).toBeUndefined()
  })
})

async function currentIn(store: ReturnType<typeof memoryStore>): Promise<unknown> {
  for await (const page of store.scan()) return page[0]?.[1]
  return undefined
}
