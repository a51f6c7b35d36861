import { equal } from './assert.ts'
import { DAY, deadUntil, HOUR, MINUTE, nextOf, put, range, siblingKey, testKey, testRecord } from './fixtures.ts'
import type { StoreCase } from './harness.ts'

const KEY = siblingKey('one')

const deleteCases: readonly StoreCase[] = [
  {
    name: 'a deleted record is gone, and only the delete that removed it answers true',
    run: async ({ store, now }) => {
      await put(store, KEY, testRecord(now(), 'one'))
      const other = await put(store, testKey('two'), testRecord(now(), 'two'))
      equal(await store.delete(KEY), true, 'the first delete')
      equal(await store.get(KEY), undefined, 'get after delete')
      equal(await store.delete(KEY), false, 'the second delete')
      equal(await store.get(testKey('two')), other, 'the other record')
    },
  },
  {
    name: 'deleting what was never stored succeeds with false',
    run: async ({ store }) => equal(await store.delete(KEY), false, 'delete of an unknown key'),
  },
  {
    name: 'delete leaves its mark in place of a live record until the mark expires',
    run: async ({ store, now, advance }) => {
      await put(store, KEY, testRecord(now(), 'one'))
      const mark = deadUntil(now() + MINUTE)
      equal(await store.delete(KEY, mark), true, 'delete')
      equal(await store.get(KEY), mark, 'the mark')
      await advance(MINUTE - 1)
      equal(await store.get(KEY), mark, 'the mark just before its deadline')
      await advance(1)
      equal(await store.get(KEY), undefined, 'the key at the deadline of the mark')
    },
  },
  {
    name: 'DOS-3: delete leaves no mark where no live record was',
    run: async ({ store, now, advance }) => {
      const expired = testKey('expired')
      await put(store, expired, testRecord(now(), 'expired', { expiresAt: now() + 1 }))
      await advance(1)
      for (const key of [KEY, expired]) {
        equal(await store.delete(key, deadUntil(now() + HOUR)), false, 'delete of nothing')
        equal(await store.get(key), undefined, 'the key')
      }
    },
  },
  {
    name: 'delete of a marked key answers false and leaves the mark as it is',
    run: async ({ store, now }) => {
      await put(store, KEY, testRecord(now(), 'one'))
      const mark = deadUntil(now() + MINUTE)
      await store.delete(KEY, mark)
      equal(await store.delete(KEY), false, 'delete without mark')
      equal(await store.delete(KEY, deadUntil(now() + HOUR)), false, 'delete with another mark')
      equal(await store.get(KEY), mark, 'the mark')
    },
  },
  {
    name: 'of many concurrent deletes exactly one answers true',
    run: async ({ store, now }) => {
      await put(store, KEY, testRecord(now(), 'one'))
      const results = await Promise.all(range(20).map(() => store.delete(KEY)))
      equal(results.filter(Boolean).length, 1, 'deletes that answered true')
    },
  },
  {
    name: 'RACE-2: whatever saves and touches run beside a delete, nothing is left',
    run: async ({ store, now }) => {
      const record = await put(store, KEY, testRecord(now(), 'one'))
      const late = nextOf(record, { data: '"late"' })
      const noise = range(10).flatMap((n) => [
        () => store.update(KEY, 1 + (n % 2), late),
        () => store.touch(KEY, now() + n, now() + HOUR + n),
      ])
      await Promise.all([...noise.slice(0, 10), () => store.delete(KEY), ...noise.slice(10)].map((call) => call()))
      equal(await store.get(KEY), undefined, 'the key')
    },
  },
]

const expiryCases: readonly StoreCase[] = [
  {
    name: 'STORE-13: a record is absent from the instant it expires, though no sweep ran',
    run: async ({ store, now, advance }) => {
      const record = await put(store, KEY, testRecord(now(), 'one', { expiresAt: now() + MINUTE }))
      await advance(MINUTE - 1)
      equal(await store.get(KEY), record, 'the record one millisecond before')
      await advance(1)
      equal(await store.get(KEY), undefined, 'the record at the instant')
    },
  },
  {
    name: 'RACE-11: update, touch, rotate and delete see an expired record as absent and bring nothing back',
    run: async ({ store, now, advance }) => {
      const to = siblingKey('to')
      const record = await put(store, KEY, testRecord(now(), 'one', { expiresAt: now() + MINUTE }))
      await advance(MINUTE)
      const next = nextOf(record, { expiresAt: now() + HOUR })
      equal(await store.update(KEY, 1, next), { outcome: 'gone' }, 'update')
      equal(await store.touch(KEY, now(), now() + HOUR), false, 'touch')
      equal(await store.rotate(KEY, 1, to, next), { outcome: 'gone' }, 'rotate')
      equal(await store.delete(KEY), false, 'delete')
      equal(await store.get(KEY), undefined, 'the expired record')
      equal(await store.get(to), undefined, 'the key that the rotation wanted')
    },
  },
  {
    name: 'an update moves the deadline, earlier too',
    run: async ({ store, now, advance }) => {
      const sooner = testKey('sooner')
      const record = await put(store, KEY, testRecord(now(), 'one', { expiresAt: now() + MINUTE }))
      const other = await put(store, sooner, testRecord(now(), 'two'))
      const next = nextOf(record, { expiresAt: now() + 2 * MINUTE })
      await store.update(KEY, 1, next)
      await store.update(sooner, 1, nextOf(other, { expiresAt: now() + MINUTE }))
      await advance(MINUTE)
      equal(await store.get(KEY), next, 'the record whose deadline moved on')
      equal(await store.get(sooner), undefined, 'the record whose deadline moved nearer')
    },
  },
  ...[60, 400].map((days) => ({
    name: `DOS-15: an expiry ${days} days away is kept`,
    run: async ({ store, now, advance }: Parameters<StoreCase['run']>[0]): Promise<void> => {
      const record = await put(store, KEY, testRecord(now(), 'one', { expiresAt: now() + days * DAY }))
      await advance(days * DAY - 1)
      equal(await store.get(KEY), record, 'the record at its last millisecond')
      await advance(1)
      equal(await store.get(KEY), undefined, 'the record at the instant it expires')
    },
  })),
]

export const deleteAndExpiryCases: readonly StoreCase[] = [...deleteCases, ...expiryCases]
