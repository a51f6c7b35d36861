import { describe, expect, it } from 'vitest'
import type { Store } from '../core/store.ts'
import { hasSubjects, isClosable } from '../core/store.ts'
import { countingStore } from './counting-store.ts'
import { faultStore } from './fault-store.ts'
import { nextOf, testKey, testRecord } from './cases/fixtures.ts'
import { lackingFor } from './cases/harness.ts'
import { pausableStore } from './pausable-store.ts'
import { seededRandom } from './random.ts'
import type { FullStore } from './wrong/reference.ts'
import { referenceStore } from './wrong/reference.ts'
import { storeCases } from './cases/store-cases.ts'

const NOW = 1_700_000_000_000
const now = (): number => NOW
const KEY = testKey('one')
const record = testRecord(NOW, 'one')

describe('pausableStore', () => {
  it('RACE-2: plays a save that reaches the store after a delete', async () => {
    const { store, hold, nextHeld, held } = pausableStore(referenceStore(now))
    await store.insert(KEY, record)
    hold({ method: 'update' })
    const save = store.update(KEY, 1, nextOf(record))
    const late = await nextHeld()
    expect(held()).toEqual([late])
    expect(await store.delete(KEY)).toBe(true)
    late.release()
    expect(await save).toEqual({ outcome: 'gone' })
    expect(held()).toEqual([])
  })

  it('releases calls in any order, before and after the inner call', async () => {
    const { store, hold, held, releaseAll } = pausableStore(referenceStore(now))
    hold({ method: 'insert' })
    hold({ stage: 'after', when: ({ args }) => args[0] === KEY })
    const order: string[] = []
    const first = store.insert(KEY, record).then(({ outcome }) => order.push(`first ${outcome}`))
    const second = store.insert(KEY, record).then(({ outcome }) => order.push(`second ${outcome}`))
    expect(held().map(({ number, stage }) => `${number} ${stage}`)).toEqual(['1 before', '2 before'])
    held({ stage: 'before' })[1]?.release()
    await turn()
    held({ stage: 'before' })[0]?.release()
    await turn()
    expect(held().map(({ number, stage }) => `${number} ${stage}`)).toEqual(['2 after', '1 after'])
    held()[1]?.release()
    await first
    releaseAll()
    await second
    expect(order).toEqual(['first exists', 'second inserted'])
  })

  it('fails a held call without asking the store, or after it applied', async () => {
    const { store, hold, nextHeld, releaseAll } = pausableStore(referenceStore(now))
    const error = new Error('connection lost')
    const stop = hold({ method: 'insert' })
    const lost = store.insert(KEY, record)
    ;(await nextHeld()).fail(error)
    await expect(lost).rejects.toBe(error)
    expect(await store.get(KEY)).toBeUndefined()
    stop()
    hold({ method: 'insert', stage: 'after' })
    const waiting = nextHeld({ stage: 'after' })
    const applied = store.insert(KEY, record)
    ;(await waiting).fail(error)
    await expect(applied).rejects.toBe(error)
    releaseAll()
    expect(await store.get(KEY)).toEqual(record)
  })
})

describe('faultStore', () => {
  it('rejects, drops replies and repeats the calls that the plan names', async () => {
    const error = new Error('down')
    const counting = countingStore(referenceStore(now))
    const { store, faults } = faultStore(counting.store, {
      error,
      rules: [
        { methods: ['insert'], calls: [1], fault: 'reject' },
        { methods: ['insert'], calls: [2], fault: 'drop-reply' },
        { methods: ['delete'], fault: 'twice' },
      ],
    })
    await expect(store.insert(KEY, record)).rejects.toBe(error)
    expect(counting.count('insert')).toBe(0)
    await expect(store.insert(KEY, record)).rejects.toBe(error)
    expect(await store.insert(KEY, record)).toEqual({ outcome: 'exists' })
    expect(await store.delete(KEY)).toBe(false)
    expect(counting.count('delete')).toBe(2)
    expect(faults.map(({ method, fault }) => [method, fault])).toEqual([
      ['insert', 'reject'],
      ['insert', 'drop-reply'],
      ['delete', 'twice'],
    ])
  })

  it('delays a call until a promise is kept, and heals', async () => {
    let release = (): void => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const { store, setRules } = faultStore(referenceStore(now), { rules: [{ methods: ['insert'], fault: gate }] })
    const insertion = store.insert(KEY, record)
    expect(await store.get(KEY)).toBeUndefined()
    release()
    await insertion
    expect(await store.get(KEY)).toEqual(record)
    setRules([])
    expect((await store.insert(testKey('two'), record)).outcome).toBe('inserted')
  })

  it('makes the same choices for the same seed', async () => {
    const play = async (seed: number): Promise<string> => {
      const { store } = faultStore(referenceStore(now), { seed, rules: [{ chance: 0.3, fault: 'reject' }] })
      const results = await Promise.allSettled(Array.from({ length: 200 }, () => store.get(KEY)))
      return results.map(({ status }) => (status === 'rejected' ? 'x' : '.')).join('')
    }
    expect(await play(7)).toBe(await play(7))
    expect(await play(7)).not.toBe(await play(8))
    const share = (await play(9)).replaceAll('.', '').length / 200
    expect(share).toBeGreaterThan(0.15)
    expect(share).toBeLessThan(0.45)
  })
})

describe('an intercepted store', () => {
  it('has the capabilities of the inner store and no others', () => {
    const { store } = countingStore(referenceStore(now))
    expect(hasSubjects(store) && isClosable(store)).toBe(true)
    const full = referenceStore(now)
    const inner: Store = {
      name: 'small',
      get: (...args) => full.get(...args),
      insert: (...args) => full.insert(...args),
      update: (...args) => full.update(...args),
      touch: (...args) => full.touch(...args),
      rotate: (...args) => full.rotate(...args),
      delete: (...args) => full.delete(...args),
    }
    const small = countingStore(inner).store
    expect(hasSubjects(small)).toBe(false)
    expect(isClosable(small)).toBe(false)
  })

  it('counts calls per method, pages of a scan too, and starts anew', async () => {
    const { store, count, calls, reset } = countingStore(referenceStore(now))
    await store.insert(KEY, record)
    await store.get(KEY)
    for await (const page of store.scan({ pageSize: 1 })) expect(page).toEqual([[KEY, record]])
    expect([count('insert'), count('get'), count('scan'), count('touch'), count()]).toEqual([1, 1, 2, 0, 4])
    expect(calls[1]).toEqual({ method: 'get', args: [KEY] })
    reset()
    expect(count()).toBe(0)
  })

  it.each(storeCases)('still passes: $name', async (storeCase) => {
    let time = NOW
    const clock = (): number => time
    const open = (disk: Parameters<typeof referenceStore>[1]): FullStore =>
      faultStore(pausableStore(countingStore(referenceStore(clock, disk)).store).store, { rules: [] }).store
    const disk = new Map()
    const advance = async (milliseconds: number): Promise<void> => {
      time += milliseconds
    }
    const harness = { store: open(disk), now: clock, advance, reopen: async () => open(disk) }
    expect(lackingFor(storeCase, harness)).toEqual([])
    await storeCase.run(harness)
  })
})

it('seeded numbers lie from 0 up to 1 and spread', () => {
  const random = seededRandom(1)
  const numbers = Array.from({ length: 1000 }, () => random())
  expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...numbers)).toBeLessThan(1)
  expect(new Set(numbers).size).toBe(1000)
})

/** Lets every promise that can settle do so. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}
