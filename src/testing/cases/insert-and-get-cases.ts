import type { SessionRecord } from '../../core/store.ts'
import { check, equal } from './assert.ts'
import { asKey, deadUntil, HOUR, liveAt, MINUTE, nextOf, put, range, testKey, testRecord } from './fixtures.ts'
import type { StoreCase, StoreHarness } from './harness.ts'

const KEY = testKey('one')

/**
 * The texts of a record are well-formed Unicode: JSON writes a lone surrogate as an escape, so a store may take that for
 * granted. Everything else comes back as it went in.
 */
const texts: readonly (readonly [string, string])[] = [
  ['empty', ''],
  ['U+0000 inside', 'a\u0000b\u0000'],
  ['line ends, tabs and quotes', 'a\nb\r\nc\td\u2028e\'f"g`h\\i;--'],
  ['emoji and combining characters', '\u{1F98A}\u{1F468}\u200D\u{1F469}\u200D\u{1F467} e\u0301 \uFEFF'],
  ['an escaped lone surrogate', JSON.stringify({ text: '\uD800' })],
  ['1 MiB', '0123456789abcdef'.repeat(65_536)],
]

export const insertAndGetCases: readonly StoreCase[] = [
  {
    name: 'getting a key that was never stored gives undefined',
    run: async ({ store }) => equal(await store.get(KEY), undefined, 'get of an unknown key'),
  },
  {
    name: 'a record comes back as it was inserted, with and without a subject',
    run: async ({ store, now }) => {
      const anonymous = await put(store, KEY, testRecord(now(), 'one', { version: 1, seenAt: now() + 5 }))
      const key = testKey('two', 'ann')
      const owned = await put(store, key, testRecord(now(), 'two', { subject: 'ann', createdAt: now() - HOUR }))
      equal(await store.get(KEY), anonymous, 'the record without subject')
      equal(await store.get(key), owned, 'the record with subject')
    },
  },
  ...texts.map(([what, text]) => ({
    name: `STORE-15: meta and data come back unchanged: ${what}`,
    run: (harness: StoreHarness) => roundTrip(harness, text),
  })),
  {
    name: 'VULN-5: insert on a live key answers exists and changes nothing',
    run: async ({ store, now }) => {
      const first = await put(store, KEY, testRecord(now(), 'one'))
      const second = testRecord(now(), 'two', { expiresAt: now() + 2 * HOUR })
      equal(await store.insert(KEY, second), { outcome: 'exists' }, 'the second insert')
      equal(await store.get(KEY), first, 'the record that was there first')
    },
  },
  {
    name: 'insert on a marked key answers exists and leaves the mark',
    run: async ({ store, now }) => {
      await put(store, KEY, testRecord(now(), 'one'))
      const mark = deadUntil(now() + MINUTE)
      await store.delete(KEY, mark)
      equal(await store.insert(KEY, testRecord(now(), 'two')), { outcome: 'exists' }, 'insert over a mark')
      equal(await store.get(KEY), mark, 'the mark')
    },
  },
  {
    name: 'a key whose record or mark has expired is free for an insert',
    run: async ({ store, now, advance }) => {
      const marked = testKey('marked')
      await put(store, KEY, testRecord(now(), 'one', { expiresAt: now() + MINUTE }))
      await put(store, marked, testRecord(now(), 'two'))
      await store.delete(marked, deadUntil(now() + MINUTE))
      await advance(MINUTE)
      const fresh = await put(store, KEY, testRecord(now(), 'three'))
      const other = await put(store, marked, testRecord(now(), 'four'))
      equal(await store.get(KEY), fresh, 'the record in place of an expired one')
      equal(await store.get(marked), other, 'the record in place of an expired mark')
    },
  },
  {
    name: 'of many concurrent inserts under one key exactly one is stored',
    run: async ({ store, now }) => {
      const records = range(20).map((n) => testRecord(now(), `racer-${n}`))
      const results = await Promise.all(records.map((record) => store.insert(KEY, record)))
      const winners = records.filter((_, n) => results[n]?.outcome === 'inserted')
      equal(winners.length, 1, 'inserts that were told inserted')
      equal(await store.get(KEY), winners[0], 'the stored record')
    },
  },
  {
    name: 'keys are opaque: upper case and lower case, minus and underscore are different keys',
    run: async ({ store, now }) => {
      const rest = 'A'.repeat(41)
      const keys = ['aa', 'aA', 'Aa', 'AA', '-a', '_a', 'a-', 'a_'].map((end) => asKey(`s1.abc.${rest}${end}`))
      for (const [n, key] of keys.entries()) await put(store, key, testRecord(now(), `key-${n}`))
      for (const [n, key] of keys.entries()) {
        equal((await liveAt(store, key, `key ${n}`)).handle, `handle-key-${n}`, `key ${n}`)
      }
    },
  },
  {
    name: 'changing a record that was handed in changes nothing stored',
    run: async ({ store, now }) => {
      const record = testRecord(now(), 'one')
      const original = { ...record }
      const insertion = store.insert(KEY, record)
      spoil(record)
      await insertion
      equal(await store.get(KEY), original, 'the inserted record')
      const next = nextOf(original, { data: '"next"' })
      const kept = { ...next }
      const update = store.update(KEY, 1, next)
      spoil(next)
      await update
      equal(await store.get(KEY), kept, 'the updated record')
    },
  },
  {
    name: 'changing a record or mark that was handed out changes nothing stored',
    run: async ({ store, now }) => {
      const record = await put(store, KEY, testRecord(now(), 'one'))
      spoil(await store.get(KEY))
      const lost = await store.update(KEY, 7, nextOf(record))
      check(lost.outcome === 'conflict', `update at a wrong version: expected conflict, got ${lost.outcome}`)
      spoil(lost.current)
      equal(await store.get(KEY), record, 'the record')
      const mark = deadUntil(now() + MINUTE)
      await store.delete(KEY, mark)
      spoil(await store.get(KEY))
      equal(await store.get(KEY), mark, 'the mark')
    },
  },
]

async function roundTrip({ store, now }: StoreHarness, text: string): Promise<void> {
  const record = await put(store, KEY, testRecord(now(), 'one', { data: text, meta: text }))
  equal(await store.get(KEY), record, 'the inserted record')
  const next = nextOf(record, { data: `${text}!`, meta: `!${text}` })
  equal((await store.update(KEY, 1, next)).outcome, 'updated', 'update')
  equal(await store.get(KEY), next, 'the updated record')
}

/** A store may also hand out frozen objects. */
function spoil(value: object | undefined): void {
  const spoilt: Partial<SessionRecord> = { version: 99, handle: 'spoilt', data: 'spoilt', expiresAt: 1 }
  if (value !== undefined && !Object.isFrozen(value)) Object.assign(value, spoilt)
}
