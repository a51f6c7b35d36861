import type { StoreKey } from '../../core/key.ts'
import type { Store } from '../../core/store.ts'
import { check, equal } from './assert.ts'
import { deadUntil, HOUR, liveAt, MINUTE, nextOf, put, range, testKey, testRecord, withSubjects } from './fixtures.ts'
import type { StoreCase } from './harness.ts'

const KEY = testKey('one')

const updateCases: readonly StoreCase[] = [
  {
    name: 'update replaces the record that is still at the version',
    run: async ({ store, now }) => {
      const record = await put(store, KEY, testRecord(now(), 'one'))
      const next = nextOf(record, {
        data: '{"n":2}',
        meta: '{}',
        seenAt: now() + 1,
        expiresAt: record.expiresAt + 1,
      })
      equal(await store.update(KEY, 1, next), { outcome: 'updated' }, 'update')
      equal(await store.get(KEY), next, 'the record')
    },
  },
  {
    name: 'RACE-1: update at another version answers conflict with the current record and changes nothing',
    run: async ({ store, now }) => {
      const record = await put(store, KEY, testRecord(now(), 'one', { version: 5 }))
      for (const version of [4, 6]) {
        const stale = { ...record, version: version + 1, data: '"stale"' }
        const result = await store.update(KEY, version, stale)
        equal(result, { outcome: 'conflict', current: record }, `update at version ${version} of 5`)
      }
      equal(await store.get(KEY), record, 'the record')
    },
  },
  {
    name: 'RACE-1: of two concurrent updates from one version exactly one wins',
    run: async ({ store, now }) => {
      const record = await put(store, KEY, testRecord(now(), 'one'))
      const nexts = [nextOf(record, { data: '"a"' }), nextOf(record, { data: '"b"' })]
      const results = await Promise.all(nexts.map((next) => store.update(KEY, 1, next)))
      const winners = nexts.filter((_, n) => results[n]?.outcome === 'updated')
      equal(winners.length, 1, 'updates that were told updated')
      equal(await store.get(KEY), winners[0], 'the record')
      const loser = results.find(({ outcome }) => outcome !== 'updated')
      equal(loser, { outcome: 'conflict', current: winners[0] }, 'the other update')
    },
  },
  {
    name: 'RACE-1: a hundred parallel compare-and-set increments end with the exact sum',
    run: async ({ store, now }) => {
      await put(store, KEY, testRecord(now(), 'one', { data: '0' }))
      await Promise.all(range(100).map(() => increment(store, KEY)))
      const { data, version } = await liveAt(store, KEY, 'the counter')
      equal({ data, version }, { data: '100', version: 101 }, 'the counter')
    },
  },
  {
    name: 'RACE-2 VULN-5: update after delete answers gone and does not bring the record back',
    run: async ({ store, now }) => {
      const record = await put(store, KEY, testRecord(now(), 'one'))
      await store.delete(KEY)
      equal(await store.update(KEY, 1, nextOf(record)), { outcome: 'gone' }, 'update after delete')
      equal(await store.get(KEY), undefined, 'get after the update')
    },
  },
  {
    name: 'RACE-2: update of a marked key answers gone with the mark and leaves it',
    run: async ({ store, now }) => {
      const record = await put(store, KEY, testRecord(now(), 'one'))
      const mark = deadUntil(now() + MINUTE)
      await store.delete(KEY, mark)
      equal(await store.update(KEY, 1, nextOf(record)), { outcome: 'gone', tombstone: mark }, 'update')
      equal(await store.get(KEY), mark, 'the mark')
    },
  },
  {
    name: 'update of a key that was never stored answers gone and stores nothing',
    run: async ({ store, now }) => {
      for (const version of [0, 1]) {
        const record = testRecord(now(), 'one', { version: version + 1 })
        equal(await store.update(KEY, version, record), { outcome: 'gone' }, `update from version ${version}`)
      }
      equal(await store.get(KEY), undefined, 'get after the updates')
    },
  },
  {
    name: 'update never gives a record to another subject',
    needs: ['subjects'],
    run: async (harness) => {
      const store = withSubjects(harness.store)
      const key = testKey('one', 'ann')
      const record = await put(store, key, testRecord(harness.now(), 'one', { subject: 'ann' }))
      await store.update(key, 1, nextOf(record, { subject: 'bob' }))
      equal((await liveAt(store, key, 'the record')).subject, 'ann', 'the subject after the update')
      equal(await store.countBySubject('ann'), 1, "the owner's sessions")
      equal(await store.countBySubject('bob'), 0, "the other user's sessions")
    },
  },
]

const touchCases: readonly StoreCase[] = [
  {
    name: 'touch moves the times of a live record forward and leaves the rest, the version too',
    run: async ({ store, now, advance }) => {
      const record = await put(store, KEY, testRecord(now(), 'one'))
      const later = { seenAt: now() + MINUTE, expiresAt: record.expiresAt + MINUTE }
      equal(await store.touch(KEY, later.seenAt, later.expiresAt), true, 'touch')
      equal(await store.get(KEY), { ...record, ...later }, 'the touched record')
      const next = nextOf(record, later)
      equal(await store.update(KEY, 1, next), { outcome: 'updated' }, 'update from the version before the touch')
      await advance(HOUR)
      equal(await store.get(KEY), next, 'the record after its first deadline')
    },
  },
  {
    name: 'touch never moves a time back',
    run: async ({ store, now }) => {
      const record = await put(store, KEY, testRecord(now(), 'one'))
      equal(await store.touch(KEY, record.seenAt - 1, record.expiresAt - 1), true, 'touch with earlier times')
      equal(await store.get(KEY), record, 'the record')
      await store.touch(KEY, record.seenAt - 1, record.expiresAt + 1)
      equal(await store.get(KEY), { ...record, expiresAt: record.expiresAt + 1 }, 'the record with a later deadline')
    },
  },
  {
    name: 'of many concurrent touches the latest times stay',
    run: async ({ store, now }) => {
      const record = await put(store, KEY, testRecord(now(), 'one'))
      const steps = [7, 3, 20, 11, 1, 19, 2]
      await Promise.all(steps.map((step) => store.touch(KEY, record.seenAt + step, record.expiresAt + step)))
      const latest = { seenAt: record.seenAt + 20, expiresAt: record.expiresAt + 20 }
      equal(await store.get(KEY), { ...record, ...latest }, 'the record')
    },
  },
  {
    name: 'RACE-3: touch of an unknown, deleted or marked key answers false and stores nothing',
    run: async ({ store, now }) => {
      const [deleted, marked] = [testKey('deleted'), testKey('marked')]
      await put(store, deleted, testRecord(now(), 'deleted'))
      await put(store, marked, testRecord(now(), 'marked'))
      await store.delete(deleted)
      const mark = deadUntil(now() + MINUTE)
      await store.delete(marked, mark)
      for (const key of [KEY, deleted, marked]) {
        equal(await store.touch(key, now() + 1, now() + HOUR), false, 'touch of nothing')
      }
      equal(await store.get(KEY), undefined, 'the unknown key')
      equal(await store.get(deleted), undefined, 'the deleted key')
      equal(await store.get(marked), mark, 'the mark and its deadline')
    },
  },
]

export const updateAndTouchCases: readonly StoreCase[] = [...updateCases, ...touchCases]

/** Takes what the conflict hands back, so that the contract's whole loop is played. */
async function increment(store: Store, key: StoreKey): Promise<void> {
  let current = await liveAt(store, key, 'the counter')
  for (let attempt = 0; attempt < 200; attempt++) {
    const next = nextOf(current, { data: String(Number(current.data) + 1) })
    const result = await store.update(key, current.version, next)
    if (result.outcome === 'updated') return
    check(result.outcome === 'conflict', `an update of a live record: expected conflict, got ${result.outcome}`)
    check(result.current.version > current.version, 'a conflict must hand over a newer version')
    current = result.current
  }
  throw new Error('an increment lost 200 times among 100 writers: somebody wins without an answer')
}
