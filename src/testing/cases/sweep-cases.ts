import type { SweepableStore } from '../../core/store.ts'
import { check, equal } from './assert.ts'
import {
  countLive,
  deadUntil,
  HOUR,
  MINUTE,
  nextOf,
  put,
  range,
  siblingKey,
  testKey,
  testRecord,
  withSweep,
} from './fixtures.ts'
import type { StoreCase } from './harness.ts'

const KEY = siblingKey('one')

/** Cases of the removal of what has expired. */
export const sweepCases: readonly StoreCase[] = [
  {
    name: 'DOS-17 ASVS5-14.2.7: sweep removes at most its limit, counts what it removes and never a live record',
    needs: ['sweep'],
    run: async ({ store: plain, now, advance }) => {
      const store = withSweep(plain)
      const live = range(7).map((n) => testKey(`live-${n}`))
      for (const n of range(25)) {
        await put(store, testKey(`e-${n}`), testRecord(now(), `e-${n}`, { expiresAt: now() + 1 + n }))
        if (live[n] !== undefined) await put(store, live[n], testRecord(now(), `live-${n}`))
      }
      await put(store, testKey('marked'), testRecord(now(), 'marked'))
      await store.delete(testKey('marked'), deadUntil(now() + MINUTE))
      await put(store, testKey('kept mark'), testRecord(now(), 'kept mark'))
      await store.delete(testKey('kept mark'), deadUntil(now() + HOUR))
      await advance(MINUTE)
      equal(await sweepAll(store, 4), 26, 'what the sweeps removed')
      equal(await countLive(store, live), 7, 'live records')
      equal((await store.get(testKey('kept mark')))?.state, 'dead', 'the mark that has not expired')
    },
  },
  {
    name: 'sweep of a store without anything expired removes nothing and says that it is done',
    needs: ['sweep'],
    run: async ({ store: plain, now }) => {
      const store = withSweep(plain)
      equal(await store.sweep(10), { removed: 0, isDone: true }, 'sweep of an empty store')
      const record = await put(store, KEY, testRecord(now(), 'one'))
      equal(await store.sweep(10), { removed: 0, isDone: true }, 'sweep beside a live record')
      equal(await store.get(KEY), record, 'the live record')
    },
  },
  {
    name: 'sweep keeps a record that was touched or updated to live longer',
    needs: ['sweep'],
    run: async ({ store: plain, now, advance }) => {
      const store = withSweep(plain)
      const updated = testKey('updated')
      await put(store, KEY, testRecord(now(), 'one', { expiresAt: now() + MINUTE }))
      const record = await put(store, updated, testRecord(now(), 'updated', { expiresAt: now() + MINUTE }))
      await store.touch(KEY, now(), now() + HOUR)
      await store.update(updated, 1, nextOf(record, { expiresAt: now() + HOUR }))
      await advance(MINUTE)
      equal(await sweepAll(store, 10), 0, 'what the sweep removed')
      equal(await countLive(store, [KEY, updated]), 2, 'live records')
    },
  },
  {
    name: 'sweeps at the same time end, and no two of them count one record',
    needs: ['sweep'],
    run: async ({ store: plain, now, advance }) => {
      const store = withSweep(plain)
      const keys = range(20).map((n) => testKey(`${n}`))
      for (const [n, key] of keys.entries()) {
        await put(store, key, testRecord(now(), `${n}`, { expiresAt: now() + MINUTE }))
      }
      await advance(MINUTE)
      const removed = await Promise.all(range(4).map(() => sweepAll(store, 3)))
      equal(
        removed.reduce((sum, count) => sum + count, 0),
        20,
        'what the sweeps removed',
      )
      equal(await sweepAll(store, 100), 0, 'what a later sweep removes')
    },
  },
]

/** Sweeps to the end and gives the sum; bounded, because a wrong store may never be done. */
async function sweepAll(store: SweepableStore, limit: number): Promise<number> {
  let sum = 0
  for (const _ of range(100)) {
    const { removed, isDone } = await store.sweep(limit)
    check(removed <= limit, `sweep(${limit}) removed ${removed}`)
    sum += removed
    if (isDone) return sum
  }
  throw new Error('sweep: not done after 100 rounds')
}
