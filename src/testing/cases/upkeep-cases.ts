import type { StoreKey } from '../../core/key.ts'
import { isSessionError } from '../../core/errors.ts'
import type { ScannableStore, SessionRecord, Store } from '../../core/store.ts'
import { hasSubjects } from '../../core/store.ts'
import { check, equal, rejection } from './assert.ts'
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
  withClear,
  withClose,
  withScan,
  withSubjects,
} from './fixtures.ts'
import type { StoreCase } from './harness.ts'
import { sweepCases } from './sweep-cases.ts'

const KEY = siblingKey('one')

const clearCases: readonly StoreCase[] = [
  {
    name: 'ASVS5-7.4.5: clear ends every session at once and nothing brings one back',
    needs: ['clear'],
    run: async ({ store: plain, now }) => {
      const store = withClear(plain)
      const record = testRecord(now(), 'one')
      const keys = range(50).map((n) => testKey(`${n}`))
      for (const [n, key] of keys.entries()) await put(store, key, testRecord(now(), `${n}`))
      await put(store, KEY, record)
      await store.clear()
      equal(await countLive(store, keys), 0, 'live sessions')
      equal((await store.update(KEY, 1, nextOf(record))).outcome, 'gone', 'update')
      equal(await store.touch(KEY, now() + 1, now() + 2 * HOUR), false, 'touch')
      equal((await store.rotate(KEY, 1, siblingKey('to'), nextOf(record))).outcome, 'gone', 'rotate')
      equal(await store.delete(KEY), false, 'delete')
      equal(await countLive(store, [KEY, siblingKey('to')]), 0, 'live sessions after late calls')
    },
  },
  {
    name: 'sessions begin anew after clear, under the same keys too',
    needs: ['clear'],
    run: async ({ store: plain, now }) => {
      const store = withClear(plain)
      const old = await put(store, KEY, testRecord(now(), 'one'))
      await store.clear()
      const fresh = await put(store, KEY, testRecord(now(), 'two'))
      equal(await store.get(KEY), fresh, 'the new session')
      equal((await store.rotate(KEY, 1, siblingKey('to'), nextOf(fresh))).outcome, 'rotated', 'its rotation')
      await store.clear()
      await put(store, siblingKey('to'), old)
      equal(await countLive(store, [KEY, siblingKey('to')]), 1, 'live sessions')
    },
  },
  {
    name: 'ASVS5-7.4.5: no list and no limit counts a session that clear ended',
    needs: ['clear', 'subjects'],
    run: async ({ store: plain, now }) => {
      const store = withSubjects(plain)
      const add = (label: string): Promise<unknown> =>
        store.insert(testKey(label, 'ann'), testRecord(now(), label, { subject: 'ann' }), { max: 1, onLimit: 'reject' })
      await add('one')
      await withClear(plain).clear()
      equal(await store.listBySubject('ann'), [], "ann's sessions")
      equal(await store.deleteByHandle('ann', 'handle-one'), false, 'ending one')
      equal(await store.deleteBySubject('ann'), 0, 'ending all')
      equal(await add('two'), { outcome: 'inserted', evicted: [] }, 'the next session')
      equal(await store.countBySubject('ann'), 1, "the number of ann's sessions")
    },
  },
]

const scanCases: readonly StoreCase[] = [
  {
    name: 'scan gives every live record once with its key, in pages of at most the size asked for',
    needs: ['scan'],
    run: async ({ store: plain, now, advance }) => {
      const store = withScan(plain)
      equal(await scanAll(store, 3), [], 'the scan of an empty store')
      const expected = range(10).map(
        (n) => [testKey(`${n}`, 'ann'), testRecord(now(), `${n}`, { subject: 'ann' })] as const,
      )
      for (const [key, record] of expected) await put(store, key, record)
      await put(store, testKey('short'), testRecord(now(), 'short', { expiresAt: now() + MINUTE }))
      await put(store, testKey('marked'), testRecord(now(), 'marked'))
      await store.delete(testKey('marked'), deadUntil(now() + HOUR))
      await advance(MINUTE)
      for (const pageSize of [1, 3, 10, 50]) {
        equal(sorted(await scanAll(store, pageSize)), sorted(expected), `the scan with pages of ${pageSize}`)
      }
    },
  },
  {
    name: 'scan goes on while records come, change and go, and shows what stays exactly once',
    needs: ['scan'],
    run: async ({ store: plain, now }) => {
      const store = withScan(plain)
      for (const n of range(20)) {
        await put(store, testKey(`stay-${n}`), testRecord(now(), `stay-${n}`))
        await put(store, testKey(`go-${n}`), testRecord(now(), `go-${n}`))
      }
      const seen: string[] = []
      for await (const page of store.scan({ pageSize: 4 })) {
        const round = seen.length
        check(round < 200, 'a scan must end although new records keep coming')
        seen.push(...page.map(([, { handle }]) => handle))
        for (const [key, record] of page) {
          if (record.handle.startsWith('handle-go')) await store.delete(key)
          else await store.update(key, 1, nextOf(record, { data: '"changed"' }))
        }
        await store.delete(testKey(`go-${19 - (round % 20)}`))
        await put(store, testKey(`new-${round}`), testRecord(now(), `new-${round}`))
      }
      equal(new Set(seen).size, seen.length, 'records shown, without repetition')
      const missed = range(20).filter((n) => !seen.includes(`handle-stay-${n}`))
      equal(missed, [], 'records that lived all the while and were not shown')
    },
  },
  {
    name: 'a scan may be left early',
    needs: ['scan'],
    run: async ({ store: plain, now }) => {
      const store = withScan(plain)
      for (const n of range(5)) await put(store, testKey(`${n}`), testRecord(now(), `${n}`))
      for await (const page of store.scan({ pageSize: 2 })) {
        equal(page.length, 2, 'the first page')
        break
      }
      equal(await store.delete(testKey('1')), true, 'delete after the scan')
    },
  },
]

const lifeCases: readonly StoreCase[] = [
  {
    name: 'what was stored, changed, marked and deleted is so after the store is opened again',
    needs: ['reopen'],
    run: async ({ store, now, reopen }) => {
      const [updated, touched, rotated, to] = ['updated', 'touched', 'rotated', 'to'].map((label) =>
        testKey(label, 'ann'),
      )
      check(updated !== undefined && touched !== undefined && rotated !== undefined && to !== undefined, 'four keys')
      const record = testRecord(now(), 'one', { subject: 'ann', data: 'a\u0000\u{1F98A}' })
      for (const [n, key] of [updated, touched, rotated].entries())
        await put(store, key, { ...record, handle: `h-${n}` })
      await put(store, KEY, testRecord(now(), 'deleted'))
      const next = nextOf(record)
      await store.update(updated, 1, { ...next, handle: 'h-0' })
      await store.touch(touched, now() + 1, record.expiresAt + 1)
      const tombstone = { state: 'moved', to, expiresAt: now() + MINUTE } as const
      await store.rotate(rotated, 1, to, { ...next, handle: 'h-2' }, { tombstone })
      await store.delete(KEY)
      const again = (await reopen?.()) ?? store
      equal(await again.get(updated), { ...next, handle: 'h-0' }, 'the updated record')
      const times = { seenAt: now() + 1, expiresAt: record.expiresAt + 1 }
      equal(await again.get(touched), { ...record, handle: 'h-1', ...times }, 'the touched record')
      equal(await again.get(rotated), tombstone, 'the mark')
      equal(await again.get(to), { ...next, handle: 'h-2' }, 'the rotated record')
      equal(await again.get(KEY), undefined, 'the deleted record')
      if (hasSubjects(again)) equal(await again.countBySubject('ann'), 3, "the number of ann's sessions")
    },
  },
  {
    name: 'VULN-6: a record that expired while the store was closed is absent when it is opened again',
    needs: ['reopen'],
    run: async ({ store, now, advance, reopen }) => {
      await put(store, KEY, testRecord(now(), 'one', { expiresAt: now() + MINUTE }))
      const record = await put(store, testKey('two'), testRecord(now(), 'two', { expiresAt: now() + MINUTE + 1 }))
      await advance(MINUTE)
      const again = (await reopen?.()) ?? store
      equal(await again.get(KEY), undefined, 'the expired record')
      equal(await again.get(testKey('two')), record, 'the record with a millisecond left')
    },
  },
  {
    name: 'clear holds after the store is opened again',
    needs: ['reopen', 'clear'],
    run: async ({ store, now, reopen }) => {
      await put(store, KEY, testRecord(now(), 'one'))
      await withClear(store).clear()
      const fresh = await put(store, testKey('two'), testRecord(now(), 'two'))
      const again = (await reopen?.()) ?? store
      equal(await again.get(KEY), undefined, 'the session before clear')
      equal(await again.get(testKey('two')), fresh, 'the session after clear')
    },
  },
  {
    name: 'close finishes the calls that were made before it, may be repeated, and later calls are refused as closed',
    needs: ['close'],
    run: async ({ store: plain, now }) => {
      const store = withClose(plain)
      const results = range(10).map((n) => store.insert(testKey(`${n}`), testRecord(now(), `${n}`)))
      await Promise.all([store.close(), store.close()])
      await store.close()
      const outcomes = (await Promise.all(results)).map(({ outcome }) => outcome)
      equal(
        outcomes,
        Array.from({ length: 10 }, () => 'inserted'),
        'the inserts before close',
      )
      for (const call of [
        () => store.get(KEY),
        () => store.insert(KEY, testRecord(now(), 'one')),
        () => store.delete(KEY),
      ]) {
        const error = await rejection(call(), 'a call after close')
        check(
          isSessionError(error) && error.code === 'closed',
          `expected a SessionError "closed", got ${String(error)}`,
        )
      }
    },
  },
]

export const upkeepCases: readonly StoreCase[] = [...clearCases, ...sweepCases, ...scanCases, ...lifeCases]

type Entry = readonly [StoreKey, SessionRecord]

async function scanAll(store: Store & ScannableStore, pageSize: number): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  for await (const page of store.scan({ pageSize })) {
    check(page.length <= pageSize, `a page of ${page.length} where ${pageSize} were asked for`)
    entries.push(...page)
  }
  return entries
}

function sorted(entries: readonly Entry[]): readonly Entry[] {
  return entries.toSorted(([a], [b]) => (a < b ? -1 : 1))
}
