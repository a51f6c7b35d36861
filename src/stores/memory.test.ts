import { afterEach, describe, expect, it, vi } from 'vitest'
import type { SessionRecord } from '../core/store.ts'
import { lackingFor, storeCases, testKey, testRecord } from '../testing/index.ts'
import type { MemoryStore, MemoryStoreOptions } from './memory.ts'
import { memoryStore } from './memory.ts'

const START = 1_700_000_000_000
const HOUR = 3_600_000
const DAY = 24 * HOUR

interface Bench {
  readonly store: MemoryStore
  readonly now: () => number
  readonly advance: (milliseconds: number) => Promise<void>
}

function bench(options: MemoryStoreOptions = {}): Bench {
  let time = START
  const now = (): number => time
  const advance = async (milliseconds: number): Promise<void> => {
    time += milliseconds
  }
  return { store: memoryStore({ now, ...options }), now, advance }
}

describe('the store contract', () => {
  it.each(storeCases)('$name', async (storeCase) => {
    const harness = bench()
    const lacking = lackingFor(storeCase, harness)
    if (lacking.length === 0) await storeCase.run(harness)
    expect(lacking.filter((capability) => capability !== 'close' && capability !== 'reopen')).toEqual([])
  })
})

describe('the bound', () => {
  it('K9: 1000 sessions live; one more and exactly the first created is gone', async () => {
    const { store, advance } = bench({ maxEntries: 1000, evict: 'oldest-created' })
    for (let n = 1; n <= 1000; n++) {
      await add(store, `${n}`)
      await advance(1)
    }
    expect(await liveLabels(store)).toHaveLength(1000)
    await store.get(testKey('1'))
    await store.touch(testKey('1'), START + HOUR, START + 2 * HOUR)
    await add(store, '1001')
    expect(await store.get(testKey('1'))).toBeUndefined()
    for (let n = 2; n <= 1001; n++) expect(await store.get(testKey(`${n}`))).toBeDefined()
    expect(await liveLabels(store)).toHaveLength(1000)
  })

  it('K9: the count is never above the bound, whatever is inserted, rotated and marked', async () => {
    for (const evict of ['oldest-created', 'least-recently-used'] as const) {
      const { store } = bench({ maxEntries: 10, evict })
      for (let n = 0; n < 60; n++) {
        const record = await add(store, `${n}`, n % 3 === 0 ? { subject: `user-${n % 2}` } : {})
        const tombstone = { state: 'dead', expiresAt: START + HOUR } as const
        if (n % 2 === 0) await store.rotate(testKey(`${n}`), 1, testKey(`r-${n}`), next(record), { tombstone })
        else if (n % 5 === 0) await store.delete(testKey(`${n}`), tombstone)
        const labels = Array.from({ length: n + 1 }, (_, i) => [`${i}`, `r-${i}`]).flat()
        const found = await Promise.all(labels.map((label) => store.get(testKey(label))))
        expect(found.filter((entry) => entry !== undefined).length).toBeLessThanOrEqual(10)
      }
    }
  })

  it('K9: a session that only changed its key keeps its turn among the first created', async () => {
    const { store, advance } = bench({ maxEntries: 3, evict: 'oldest-created' })
    const first = await add(store, 'first')
    await advance(1)
    await add(store, 'second')
    await store.rotate(testKey('first'), 1, testKey('moved'), next(first))
    await add(store, 'third')
    await add(store, 'fourth')
    expect(await liveLabels(store)).toEqual(['fourth', 'second', 'third'])
  })

  it('K18: after 200 new sessions a store of 100 holds the newest 100', async () => {
    const { store } = bench({ maxEntries: 100 })
    for (let n = 0; n < 200; n++) await add(store, `${n}`)
    const newest = Array.from({ length: 100 }, (_, n) => `${n + 100}`)
    expect(await liveLabels(store)).toEqual(newest.toSorted())
  })

  it('DOS-16: the session that was not used for longest gives place, and any use counts', async () => {
    const { store } = bench({ maxEntries: 5 })
    for (const label of ['got', 'updated', 'touched', 'rotated', 'idle']) await add(store, label)
    await store.get(testKey('got'))
    await store.update(testKey('updated'), 1, next(testRecord(START, 'updated')))
    await store.touch(testKey('touched'), START + 1, START + 2 * HOUR)
    await store.rotate(testKey('rotated'), 1, testKey('new'), next(testRecord(START, 'rotated')))
    await add(store, 'late')
    expect(await liveLabels(store)).toEqual(['got', 'late', 'rotated', 'touched', 'updated'])
    await add(store, 'later')
    expect(await liveLabels(store)).toEqual(['late', 'later', 'rotated', 'touched', 'updated'])
  })

  it('DOS-16: a flood of anonymous sessions pushes out no session of a user', async () => {
    const { store } = bench({ maxEntries: 1000 })
    for (let n = 0; n < 500; n++) await add(store, `user-${n}`, { subject: `user-${n}` })
    for (let n = 0; n < 50_000; n++) await add(store, `bot-${n}`)
    for (let n = 0; n < 500; n++) expect(await store.countBySubject(`user-${n}`)).toBe(1)
    expect(await liveLabels(store)).toHaveLength(1000)
  })

  it('DOS-16: where all sessions are of users the least recently used gives place', async () => {
    const { store } = bench({ maxEntries: 2 })
    await add(store, 'a', { subject: 'ann' })
    await add(store, 'b', { subject: 'bob' })
    await store.get(testKey('a'))
    await add(store, 'c', { subject: 'cy' })
    expect(await liveLabels(store)).toEqual(['a', 'c'])
    expect(await store.listBySubject('bob')).toEqual([])
  })

  it('DOS-16: marks and what has expired go before any live session', async () => {
    const { store, advance } = bench({ maxEntries: 4 })
    await add(store, 'old')
    const rotated = await add(store, 'rotated')
    const tombstone = { state: 'dead', expiresAt: START + HOUR } as const
    await store.rotate(testKey('rotated'), 1, testKey('new'), next(rotated), { tombstone })
    await add(store, 'short', { expiresAt: START + 1 })
    expect(await store.get(testKey('rotated'))).toEqual(tombstone)
    await add(store, 'one')
    expect(await store.get(testKey('rotated'))).toBeUndefined()
    expect(await liveLabels(store)).toEqual(['old', 'one', 'rotated', 'short'])
    await advance(1)
    await add(store, 'two')
    expect(await liveLabels(store)).toEqual(['old', 'one', 'rotated', 'two'])
  })

  it('DOS-16: a rotation in a full store never ends the session that it rotates', async () => {
    for (const maxEntries of [1, 2, 3]) {
      const { store } = bench({ maxEntries, evict: 'oldest-created' })
      const record = await add(store, 'a')
      for (let n = 1; n < maxEntries; n++) await add(store, `${n}`)
      const tombstone = { state: 'moved', to: testKey('b'), expiresAt: START + HOUR } as const
      await store.rotate(testKey('a'), 1, testKey('b'), next(record), { tombstone })
      expect(await store.get(testKey('b'))).toEqual(next(record))
      expect(await store.get(testKey('a'))).toEqual(maxEntries === 1 ? undefined : tombstone)
    }
  })

  it.each([0, -1, 1.5, NaN, Infinity])('a bound of %s is refused', (maxEntries) => {
    expect(() => memoryStore({ maxEntries })).toThrow(TypeError)
  })

  it('an unknown way of eviction is refused', () => {
    // @ts-expect-error the type allows two words only
    expect(() => memoryStore({ evict: 'newest' })).toThrow(/oldest-created/)
  })
})

describe('production', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('DOS-16: in production the store must be asked for, and the refusal names what to use', () => {
    vi.stubEnv('NODE_ENV', 'production')
    expect(() => memoryStore()).toThrow(TypeError)
    expect(() => memoryStore()).toThrow(/sqliteStore.*allowInProduction: true/)
    expect(memoryStore({ allowInProduction: true }).name).toBe('memory')
  })
})

describe('expiry', () => {
  it('DOS-15: a session of 400 days is there a second later, and no timer exists that could end it', async () => {
    const timers = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'setInterval')]
    const { store, advance } = bench()
    const record = await add(store, 'a', { expiresAt: START + 400 * DAY })
    await advance(1000)
    expect(await store.get(testKey('a'))).toEqual(record)
    await advance(400 * DAY - 1001)
    expect(await store.get(testKey('a'))).toEqual(record)
    for (const timer of timers) {
      expect(timer).not.toHaveBeenCalled()
      timer.mockRestore()
    }
  })

  it('NIST-5.2-1: reading an expired record removes it, so that a sweep finds nothing left', async () => {
    const { store, advance } = bench()
    await add(store, 'a', { subject: 'ann', expiresAt: START + 1 })
    await advance(1)
    expect(await store.get(testKey('a'))).toBeUndefined()
    expect(await store.sweep(10)).toEqual({ removed: 0, isDone: true })
  })

  it('DOS-17: one sweep looks at a bounded number of entries, also where nothing has expired', async () => {
    const { store } = bench({ maxEntries: 20_000 })
    for (let n = 0; n < 20_000; n++) await add(store, `${n}`)
    let rounds = 1
    while (!(await store.sweep(500)).isDone) rounds++
    expect(rounds).toBeGreaterThan(10)
    expect(rounds).toBeLessThan(50)
  })

  it('DOS-17: sweeps find all that has expired while sessions come, go and are used', async () => {
    const { store, advance } = bench()
    for (let n = 0; n < 5000; n++) await add(store, `old-${n}`, { expiresAt: START + 1 })
    await advance(1)
    let removed = 0
    for (let round = 0, isDone = false; !isDone; round++) {
      await add(store, `new-${round}`)
      if (round > 0) await store.delete(testKey(`new-${round - 1}`))
      await store.get(testKey(`new-${round}`))
      const result = await store.sweep(100)
      removed += result.removed
      isDone = result.isDone
    }
    expect(removed).toBe(5000)
  })
})

describe('separation', () => {
  it('ASVS5-15.4.1: two reads of one session share no object, and changing one changes nothing stored', async () => {
    const { store } = bench()
    const record = await add(store, 'a', { subject: 'ann' })
    const [first, second] = await Promise.all([store.get(testKey('a')), store.get(testKey('a'))])
    const [listed] = await store.listBySubject('ann')
    expect(first).toEqual(record)
    expect(first).not.toBe(second)
    for (const copy of [record, first, listed]) Object.assign(copy ?? {}, { data: 'spoilt', version: 9 })
    expect(second).toEqual(testRecord(START, 'a', { subject: 'ann' }))
    expect(await store.get(testKey('a'))).toEqual(second)
  })

  it('ASVS5-7.4.5: clear ends the scans that began before it, and what comes after it stays', async () => {
    const { store } = bench()
    for (let n = 0; n < 100; n++) await add(store, `${n}`)
    const pages = store.scan({ pageSize: 10 })[Symbol.asyncIterator]()
    expect((await pages.next()).value).toHaveLength(10)
    await store.clear()
    await add(store, 'new')
    expect((await pages.next()).done).toBe(true)
    expect(await liveLabels(store)).toEqual(['new'])
  })
})

async function add(store: MemoryStore, label: string, changes?: Partial<SessionRecord>): Promise<SessionRecord> {
  const record = testRecord(START, label, changes)
  expect((await store.insert(testKey(label), record)).outcome).toBe('inserted')
  return record
}

function next(record: SessionRecord): SessionRecord {
  return { ...record, version: record.version + 1 }
}

async function liveLabels(store: MemoryStore): Promise<readonly string[]> {
  const labels: string[] = []
  for await (const page of store.scan()) labels.push(...page.map(([, { handle }]) => handle.replace('handle-', '')))
  return labels.toSorted()
}
