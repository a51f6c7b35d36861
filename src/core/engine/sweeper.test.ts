import { describe, expect, it } from 'vitest'
import { HOUR, MINUTE, bed, newClient, settled, testClock } from '../../../test/support/bed.ts'
import { recordsIn } from '../../../test/support/stores.ts'
import { memoryStore } from '../../stores/memory.ts'
import { countingStore, faultStore, pausableStore, testKey, testRecord } from '../../testing/index.ts'
import { createEmitter } from '../events.ts'
import { guardStore } from './guard.ts'
import { createSweeper } from './sweeper.ts'

async function fill(store: ReturnType<typeof memoryStore>, now: number, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await store.insert(testKey(String(i)), testRecord(now, String(i)))
}

describe('sweeps', () => {
  it('DOS-17 ASVS5-14.2.7: what has expired goes in batches of bounded size, and nothing live does', async () => {
    const clock = testClock()
    const inner = memoryStore({ now: clock.now })
    const counting = countingStore(inner)
    const { sessions, visit } = bed({ store: counting.store, clock })
    await fill(inner, clock.now(), 1000)
    clock.advance(2 * HOUR)
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    counting.reset()
    expect(await sessions.sweep()).toBe(1000)
    const batches = counting.calls.filter(({ method }) => method === 'sweep')
    expect(batches.length).toBeGreaterThanOrEqual(4)
    expect(batches.every(({ args }) => Number(args[0]) <= 250)).toBe(true)
    expect(await recordsIn(inner)).toHaveLength(1)
    expect(await visit(client, (session) => session.get('a'))).toBe(1)
  })

  it('DOS-17: between two batches requests are served', async () => {
    const clock = testClock()
    const inner = memoryStore({ now: clock.now })
    const counting = countingStore(inner)
    const { sessions, open } = bed({ store: counting.store, clock })
    await fill(inner, clock.now(), 1000)
    clock.advance(2 * HOUR)
    const sweep = sessions.sweep()
    await open({ jar: new Map([['__Host-id', 'A'.repeat(46)]]) })
    await settled()
    const order = counting.calls.map(({ method }) => method)
    expect(order.indexOf('get')).toBeLessThan(
      order.lastIndexOf('sweep') === order.indexOf('sweep') ? Infinity : order.lastIndexOf('sweep'),
    )
    expect(order.filter((method) => method === 'sweep').length).toBeLessThan(4)
    expect(await sweep).toBe(1000)
  })

  it('Y20: a commit starts one in the background when the last is old enough, and no request waits for it', async () => {
    const clock = testClock()
    const pausable = pausableStore(memoryStore({ now: clock.now }))
    const { visit, record } = bed({ store: pausable.store, clock, sweepEvery: '5m' })
    const swept = record('swept')
    pausable.hold({ method: 'sweep' })
    await visit(newClient(), (session) => session.set('a', 1))
    clock.advance(5 * MINUTE - 1)
    await visit(newClient(), (session) => session.set('a', 1))
    expect(pausable.held()).toHaveLength(0)
    clock.advance(1)
    await visit(newClient(), () => undefined)
    await visit(newClient(), () => undefined)
    expect(pausable.held()).toHaveLength(1)
    pausable.releaseAll()
    await settled()
    expect(swept).toHaveLength(1)
    clock.advance(5 * MINUTE)
    await visit(newClient(), () => undefined)
    await settled()
    expect(swept).toHaveLength(2)
  })

  it('two sweeps at once are one', async () => {
    const clock = testClock()
    const counting = countingStore(memoryStore({ now: clock.now }))
    const { sessions } = bed({ store: counting.store, clock })
    expect(await Promise.all([sessions.sweep(), sessions.sweep()])).toEqual([0, 0])
    expect(counting.count('sweep')).toBe(1)
  })

  it('STORE-5: a sweep that failed tells so, and the next one works', async () => {
    const clock = testClock()
    const inner = memoryStore({ now: clock.now })
    const faulty = faultStore(inner, { rules: [{ methods: ['sweep'], fault: 'reject' }] })
    const { sessions } = bed({ store: faulty.store, clock })
    await fill(inner, clock.now(), 3)
    clock.advance(2 * HOUR)
    await expect(sessions.sweep()).rejects.toMatchObject({ code: 'store-unavailable' })
    faulty.setRules([])
    expect(await sessions.sweep()).toBe(3)
  })

  it('closing waits for the batch that runs, starts no further one, and refuses sweeps from then on', async () => {
    const clock = testClock()
    const inner = memoryStore({ now: clock.now })
    const pausable = pausableStore(inner)
    const { sessions } = bed({ store: pausable.store, clock })
    await fill(inner, clock.now(), 1000)
    clock.advance(2 * HOUR)
    pausable.hold({ method: 'sweep' })
    const sweep = sessions.sweep()
    const closing = sessions.close()
    ;(await pausable.nextHeld()).release()
    await closing
    expect(await sweep).toBe(250)
    await expect(sessions.sweep()).rejects.toMatchObject({ code: 'closed' })
  })

  it('a store that needs no sweep is left alone', async () => {
    const emitter = createEmitter()
    const { get, insert, update, touch, rotate, delete: remove } = memoryStore()
    const store = { name: 'plain', get, insert, update, touch, rotate, delete: remove }
    const sweeper = createSweeper(store, 1, Date.now, guardStore('plain', 1000, emitter, Date.now), emitter)
    expect(await sweeper.sweep()).toBe(0)
  })
})
