import { describe, expect, it } from 'vitest'
import { bed, newClient, settled, testClock, tokenOf } from '../../test/support/bed.ts'
import type { StoreNotice } from '../core/store.ts'
import {
  countingStore,
  faultStore,
  lackingFor,
  pausableStore,
  storeCases,
  testKey,
  testRecord,
} from '../testing/index.ts'
import { layeredStore } from './layered.ts'
import { memoryStore } from './memory.ts'
import type { MemoryStore } from './memory.ts'

const HOUR = 3_600_000
const KEY = testKey('ann', 'ann')

/** A shared store that counts, and whose notices can be lost or its watchers cut off. */
function sharedStore(now: () => number) {
  const listeners = new Set<(notice: StoreNotice) => void>()
  const state = { areLost: false, isDown: false }
  const inner = memoryStore({ now })
  const watched: MemoryStore = {
    ...inner,
    watch: async (listener) => {
      if (state.isDown) throw new Error('down')
      listeners.add(listener)
      const stop = await inner.watch((notice) => {
        if (!state.areLost) listener(notice)
      })
      return async () => {
        listeners.delete(listener)
        await stop()
      }
    },
  }
  const faulty = faultStore(watched, { rules: [] })
  const counting = countingStore(faulty.store)
  const interrupt = (): void => {
    for (const listener of listeners) listener({ kind: 'interrupted' })
  }
  return { store: counting.store, raw: inner, counting, faulty, state, interrupt, watchers: () => listeners.size }
}

/** A layer that has begun to watch, with ann's session in the store. */
async function layered(options: { maxEntries?: number; maxAge?: '1s' | '200ms' } = {}) {
  const clock = testClock()
  const shared = sharedStore(clock.now)
  const store = layeredStore({ store: shared.store, now: clock.now, ...options })
  const record = testRecord(clock.now(), 'ann', { subject: 'ann' })
  await store.insert(KEY, record)
  await store.get(KEY)
  await settled()
  const reads = (): number => shared.counting.count('get')
  return { ...shared, clock, store, record, reads }
}

describe('the store contract', () => {
  it.each(storeCases)('$name', async (storeCase) => {
    const clock = testClock()
    const inner = memoryStore({ now: clock.now })
    const store = layeredStore({ store: inner, now: clock.now })
    const advance = async (milliseconds: number): Promise<void> => clock.advance(milliseconds)
    await store.get(KEY)
    await settled()
    const another = async (): Promise<MemoryStore> => layeredStore({ store: inner, now: clock.now })
    const harness = { store, now: clock.now, advance, another }
    const lacking = lackingFor(storeCase, harness)
    if (lacking.length === 0) await storeCase.run(harness)
    expect(lacking.filter((capability) => capability !== 'close' && capability !== 'reopen')).toEqual([])
  })
})

describe('a session that is read again', () => {
  it('comes from the cache for maxAge, as a copy, and then from the store', async () => {
    const { store, clock, reads, record } = await layered()
    const before = reads()
    for (let i = 0; i < 100; i++) {
      expect(await store.get(KEY)).toEqual(record)
      clock.advance(9)
    }
    expect(reads()).toBe(before + 1)
    clock.advance(200)
    await store.get(KEY)
    expect(reads()).toBe(before + 2)
    const copy = await store.get(KEY)
    if (copy?.state === 'live') Object.assign(copy, { data: 'changed' })
    expect(await store.get(KEY)).toEqual(record)
  })

  it('another process is seen within maxAge when it changes data, and at once when it ends the session', async () => {
    const { store, clock, raw, record } = await layered()
    await store.get(KEY)
    await raw.update(KEY, 1, { ...record, version: 2, data: 'new' })
    expect(await store.get(KEY)).toMatchObject({ version: 1 })
    clock.advance(1000)
    expect(await store.get(KEY)).toMatchObject({ version: 2 })
    await raw.delete(KEY)
    await settled()
    expect(await store.get(KEY)).toBeUndefined()
  })

  it('its own writes and endings are seen at once, those that failed for it too', async () => {
    const { store, raw, record, faulty, state } = await layered()
    state.areLost = true
    const next = { ...record, version: 2, data: 'new' }
    const acts: readonly (() => Promise<unknown>)[] = [
      () => store.delete(KEY),
      () => store.deleteByHandle('ann', record.handle),
      () => store.deleteBySubject('ann'),
      () => store.clear(),
      () => store.rotate(KEY, 2, testKey('new', 'ann'), { ...next, version: 3 }),
      () =>
        store.insert(
          testKey('two', 'ann'),
          { ...record, createdAt: record.createdAt + 1, handle: 'two' },
          { max: 1, onLimit: 'evict-oldest' },
        ),
    ]
    for (const fault of ['drop-reply', undefined] as const) {
      for (const act of acts) {
        await raw.clear()
        await raw.insert(KEY, record)
        await store.update(KEY, 1, next)
        expect(await store.get(KEY)).toEqual(next)
        const isEviction = act === acts.at(-1)
        faulty.setRules(
          fault === undefined || isEviction
            ? []
            : [{ fault, methods: ['delete', 'deleteByHandle', 'deleteBySubject', 'clear', 'rotate'] }],
        )
        await act().catch(() => undefined)
        faulty.setRules([])
        expect(await store.get(KEY)).toBeUndefined()
      }
    }
  })

  it('a touch is seen at once, and does not make what was read younger', async () => {
    const { store, clock, raw, record, reads } = await layered()
    await store.get(KEY)
    const before = reads()
    clock.advance(500)
    await store.touch(KEY, clock.now(), clock.now() + 2 * HOUR)
    expect(await store.get(KEY)).toMatchObject({ seenAt: clock.now(), expiresAt: clock.now() + 2 * HOUR })
    expect(reads()).toBe(before)
    await raw.update(KEY, 1, { ...record, version: 2 })
    clock.advance(500)
    expect(await store.get(KEY)).toMatchObject({ version: 2 })
  })

  it('marks and misses are always asked of the store', async () => {
    const { store, reads, clock } = await layered()
    await store.delete(KEY, { state: 'dead', expiresAt: clock.now() + HOUR })
    const before = reads()
    for (let i = 0; i < 3; i++) expect(await store.get(KEY)).toMatchObject({ state: 'dead' })
    for (let i = 0; i < 3; i++) expect(await store.get(testKey('nobody'))).toBeUndefined()
    expect(reads()).toBe(before + 6)
  })

  it('an expired one is absent, however young its copy is', async () => {
    const { store, clock, raw, record } = await layered()
    await raw.update(KEY, 1, { ...record, version: 2, expiresAt: clock.now() + 100 })
    clock.advance(1000)
    await raw.insert(KEY, { ...record, expiresAt: clock.now() + 100 })
    expect(await store.get(KEY)).toBeDefined()
    clock.advance(100)
    expect(await store.get(KEY)).toBeUndefined()
  })

  it('no more than maxEntries are held', async () => {
    const { store, reads, record } = await layered({ maxEntries: 10 })
    const keys = Array.from({ length: 50 }, (_, i) => testKey(`k${i}`))
    for (const [i, key] of keys.entries()) await store.insert(key, { ...record, handle: `h${i}` })
    for (const key of keys) await store.get(key)
    const before = reads()
    for (const key of keys.slice(40)) await store.get(key)
    expect(reads()).toBe(before)
    for (const key of keys.slice(0, 10)) await store.get(key)
    expect(reads()).toBe(before + 10)
  })
})

describe('what happens while a session is being read', () => {
  it('RACE-8: an answer that was under way when the session ended is not held', async () => {
    const clock = testClock()
    const { store: shared, raw } = sharedStore(clock.now)
    const paused = pausableStore(shared)
    const store = layeredStore({ store: paused.store, now: clock.now })
    const record = testRecord(clock.now(), 'ann', { subject: 'ann' })
    await store.insert(KEY, record)
    await store.get(KEY)
    await settled()
    const ends: readonly (() => Promise<unknown>)[] = [
      () => raw.delete(KEY),
      () => store.delete(KEY),
      () => store.deleteBySubject('ann'),
      () => store.clear(),
    ]
    for (const end of ends) {
      await raw.insert(KEY, record)
      paused.hold({ method: 'get', stage: 'after' })
      const reading = store.get(KEY)
      const held = await paused.nextHeld({ method: 'get' })
      await end()
      await settled()
      paused.releaseAll()
      held.release()
      expect(await reading).toEqual(record)
      expect(await store.get(KEY)).toBeUndefined()
    }
  })
})

describe('when the store cannot be watched', () => {
  it('nothing comes from the cache until it can be again, and what it held is gone', async () => {
    const { store, clock, reads, state, interrupt, watchers, faulty } = await layered()
    await store.get(KEY)
    expect(watchers()).toBe(1)
    state.isDown = true
    interrupt()
    await settled()
    const before = reads()
    for (let i = 0; i < 10; i++) await store.get(KEY)
    expect(reads()).toBe(before + 10)
    state.isDown = false
    clock.advance(1000)
    await store.get(KEY)
    await settled()
    expect(watchers()).toBe(1)
    for (let i = 0; i < 10; i++) await store.get(KEY)
    expect(reads()).toBe(before + 12)
    expect(faulty.faults).toEqual([])
  })

  it('a layer that is closed has stopped watching', async () => {
    const clock = testClock()
    const shared = sharedStore(clock.now)
    let isClosed = false
    const close = async (): Promise<void> => void (isClosed = true)
    const store = layeredStore({ store: { ...shared.store, close }, now: clock.now })
    await store.get(KEY)
    await settled()
    expect(shared.watchers()).toBe(1)
    await store.close()
    expect([shared.watchers(), isClosed]).toEqual([0, true])
  })
})

describe('two processes with a layer each', () => {
  it('RACE-8 ASVS5-8.3.2: a session that the other has ended is refused at once, and with its notice lost after the bound', async () => {
    const clock = testClock()
    const shared = sharedStore(clock.now)
    const beds = [1, 2].map(() => bed({ store: layeredStore({ store: shared.store, now: clock.now }), clock }))
    const [here, there] = [beds[0]!, beds[1]!]
    for (const areLost of [false, true]) {
      shared.state.areLost = false
      const client = await here.signedIn('ann')
      for (let i = 0; i < 3; i++) expect(await there.visit(client, (session) => session.subject)).toBe('ann')
      shared.state.areLost = areLost
      await here.sessions.forSubject('ann').endAll()
      await settled()
      expect(await here.visit(client, (session) => session.subject)).toBeUndefined()
      if (areLost) clock.advance(1000)
      expect(await there.visit(client, (session) => session.subject)).toBeUndefined()
    }
  })

  it('no change is lost, though each builds on what it read a while ago', async () => {
    const clock = testClock()
    const shared = sharedStore(clock.now)
    const beds = [1, 2].map(() => bed({ store: layeredStore({ store: shared.store, now: clock.now }), clock }))
    const client = newClient()
    await beds[0]!.visit(client, (session) => session.set('n', 0))
    for (let i = 0; i < 20; i++) {
      for (const { visit } of beds) await visit(client, (session) => session.increment('n'))
      await Promise.all(beds.map(({ visit }) => visit(client, (session) => session.increment('n'))))
    }
    expect(tokenOf(client)).toBeDefined()
    const fresh = bed({ store: shared.raw, clock })
    expect(await fresh.visit(client, (session) => session.get('n'))).toBe(80)
  })
})

describe('its options', () => {
  it('a store that cannot be watched is refused, as are sizes and ages that make no sense', () => {
    const { watch: _, ...deaf } = memoryStore()
    expect(() => void Reflect.apply(layeredStore, undefined, [{ store: deaf }])).toThrow('can be watched')
    expect(() => layeredStore({ store: memoryStore(), maxEntries: 0 })).toThrow('maxEntries')
    const ageless = [{ store: memoryStore(), maxAge: '1 h' }]
    expect(() => void Reflect.apply(layeredStore, undefined, ageless)).toThrow('maxAge')
  })
})
