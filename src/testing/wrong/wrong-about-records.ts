import type { StoreKey } from '../../core/key.ts'
import { asKey } from '../cases/fixtures.ts'
import type { FullStore } from './reference.ts'
import type { WrongStore } from './wrong-store.ts'
import { pause, wrongStore } from './wrong-store.ts'

/** Stores that keep, find or hand out single records wrongly. */
export const wrongAboutRecords: readonly WrongStore[] = [
  wrongStore(
    'update inserts when nothing is there',
    ({ good, disk }) => ({
      update: async (key, version, record) => {
        const result = await good.update(key, version, record)
        if (result.outcome === 'gone') disk.set(key, { ...record })
        return result.outcome === 'gone' ? { outcome: 'updated' } : result
      },
    }),
    [
      'RACE-2 VULN-5: update after delete answers gone and does not bring the record back',
      'RACE-2: update of a marked key answers gone with the mark and leaves it',
      'update of a key that was never stored answers gone and stores nothing',
      'RACE-2: whatever saves and touches run beside a delete, nothing is left',
      'RACE-11: update, touch, rotate and delete see an expired record as absent and bring nothing back',
      'RACE-4: update, touch and delete with the old key change nothing after a rotation',
      'RACE-4: of a save and a rotation from one version exactly one wins',
      'RACE-2: a save, touch or rotation after its session was ended brings nothing back',
      'ASVS5-7.4.5: clear ends every session at once and nothing brings one back',
    ],
  ),
  wrongStore(
    'update does not look at the version',
    ({ good, live }) => ({
      update: (key, version, record) => good.update(key, live(key)?.version ?? version, record),
    }),
    [
      'changing a record or mark that was handed out changes nothing stored',
      'RACE-1: update at another version answers conflict with the current record and changes nothing',
      'RACE-1: of two concurrent updates from one version exactly one wins',
      'RACE-1: a hundred parallel compare-and-set increments end with the exact sum',
    ],
  ),
  wrongStore(
    'update compares in one step and writes in another',
    ({ good, disk, live }) => ({
      update: async (key, version, record) => {
        const next = { ...record }
        const seen = live(key)
        await pause()
        if (seen?.version !== version) return await good.update(key, version, next)
        disk.set(key, { ...next, ...(seen.subject === undefined ? {} : { subject: seen.subject }) })
        return { outcome: 'updated' }
      },
    }),
    [
      'RACE-1: of two concurrent updates from one version exactly one wins',
      'RACE-1: a hundred parallel compare-and-set increments end with the exact sum',
      'RACE-2: whatever saves and touches run beside a delete, nothing is left',
      'RACE-4: of a save and a rotation from one version exactly one wins',
    ],
  ),
  wrongStore(
    'a conflict hands over the record that the caller brought',
    ({ good }) => ({
      update: async (key, version, record) => {
        const result = await good.update(key, version, record)
        return result.outcome === 'conflict' ? { outcome: 'conflict', current: record } : result
      },
    }),
    [
      'RACE-1: update at another version answers conflict with the current record and changes nothing',
      'RACE-1: of two concurrent updates from one version exactly one wins',
    ],
  ),
  wrongStore(
    'update does not say what mark it met',
    ({ good }) => ({
      update: async (...args) => {
        const result = await good.update(...args)
        return result.outcome === 'gone' ? { outcome: 'gone' } : result
      },
    }),
    [
      'RACE-2: update of a marked key answers gone with the mark and leaves it',
      'RACE-4: update, touch and delete with the old key change nothing after a rotation',
    ],
  ),
  wrongStore(
    'update takes the subject that the caller brought',
    ({ good, disk }) => ({
      update: (key, version, record) => {
        const before = disk.get(key)
        const result = good.update(key, version, record)
        if (disk.get(key) !== before) disk.set(key, { ...record })
        return result
      },
    }),
    ['update never gives a record to another subject'],
  ),
  wrongStore(
    'insert replaces a live record',
    ({ good, live, disk }) => ({
      insert: async (key, record, cap) => {
        if (live(key) !== undefined) disk.delete(key)
        return await good.insert(key, record, cap)
      },
    }),
    [
      'VULN-5: insert on a live key answers exists and changes nothing',
      'of many concurrent inserts under one key exactly one is stored',
      'an insert on a live key evicts nobody',
    ],
  ),
  wrongStore(
    'insert replaces a mark',
    ({ good, disk }) => ({
      insert: async (key, record, cap) => {
        if (disk.get(key)?.state !== 'live') disk.delete(key)
        return await good.insert(key, record, cap)
      },
    }),
    ['insert on a marked key answers exists and leaves the mark'],
  ),
  wrongStore(
    'insert looks in one step and writes in another',
    ({ good, disk }) => ({
      insert: async (key, record, cap) => {
        const copy = { ...record }
        if (cap !== undefined || (await good.get(key)) !== undefined) return await good.insert(key, copy, cap)
        disk.set(key, copy)
        return { outcome: 'inserted', evicted: [] }
      },
    }),
    ['of many concurrent inserts under one key exactly one is stored'],
  ),
  wrongStore(
    'an expired entry that no sweep took still holds its key against inserts',
    ({ good, disk }) => ({
      insert: async (key, record, cap) => (disk.has(key) ? { outcome: 'exists' } : await good.insert(key, record, cap)),
    }),
    ['a key whose record or mark has expired is free for an insert'],
  ),
  wrongStore(
    'records are kept and handed out by reference',
    ({ good, disk }) => ({
      get: async (key) => {
        const copy = await good.get(key)
        return copy === undefined ? undefined : disk.get(key)
      },
      insert: (key, record, cap) => {
        const before = disk.get(key)
        const result = good.insert(key, record, cap)
        if (disk.get(key) !== before) disk.set(key, record)
        return result
      },
    }),
    [
      'changing a record that was handed in changes nothing stored',
      'changing a record or mark that was handed out changes nothing stored',
    ],
  ),
  wrongStore(
    'an update is read from its argument only after the call returned',
    ({ good }) => ({
      update: async (key, version, record) => {
        await pause()
        return await good.update(key, version, record)
      },
    }),
    ['changing a record that was handed in changes nothing stored'],
  ),
  wrongStore('upper and lower case make one key', ({ good }) => mapKeys(good, (key) => key.toLowerCase()), [
    'keys are opaque: upper case and lower case, minus and underscore are different keys',
    'scan gives every live record once with its key, in pages of at most the size asked for',
    'watch tells of a deleted session, with a mark or without, by its key',
    'watch tells of a rotated session by its old key, and not by the new one',
    'watch tells of a session that was ended by its name, and of all that were ended with their user but the one that stays',
    'watch tells of the sessions that a cap ended, at an insertion and at a rotation',
    'watch tells of no insertion, save, touch, reading or miss',
    'watch tells nothing to whoever has stopped, and goes on for the others',
  ]),
  wrongStore('minus and underscore make one key', ({ good }) => mapKeys(good, (key) => key.replaceAll('-', '_')), [
    'keys are opaque: upper case and lower case, minus and underscore are different keys',
    'scan gives every live record once with its key, in pages of at most the size asked for',
    'watch tells of a deleted session, with a mark or without, by its key',
    'watch tells of a rotated session by its old key, and not by the new one',
    'watch tells of a session that was ended by its name, and of all that were ended with their user but the one that stays',
    'watch tells of no insertion, save, touch, reading or miss',
  ]),
  wrongStore('data ends at U+0000', ({ good }) => mapData(good, (data) => data.split('\0')[0] ?? ''), [
    'STORE-15: meta and data come back unchanged: U+0000 inside',
    'what was stored, changed, marked and deleted is so after the store is opened again',
  ]),
  wrongStore('data loses white space at its ends', ({ good }) => mapData(good, (data) => data.trim()), [
    'STORE-15: meta and data come back unchanged: emoji and combining characters',
  ]),
  wrongStore('empty data becomes an empty object', ({ good }) => mapData(good, (data) => data || '{}'), [
    'STORE-15: meta and data come back unchanged: empty',
  ]),
  wrongStore('data is cut at 64 KiB', ({ good }) => mapData(good, (data) => data.slice(0, 65_536)), [
    'STORE-15: meta and data come back unchanged: 1 MiB',
  ]),
  wrongStore(
    'data keeps characters of the basic plane only',
    ({ good }) => mapData(good, (data) => data.replaceAll(/[\u{10000}-\u{10FFFF}]/gu, '?')),
    [
      'STORE-15: meta and data come back unchanged: emoji and combining characters',
      'what was stored, changed, marked and deleted is so after the store is opened again',
    ],
  ),
  wrongStore('escapes in data are resolved', ({ good }) => mapData(good, (data) => data.replaceAll('\\u', '\\\\u')), [
    'STORE-15: meta and data come back unchanged: an escaped lone surrogate',
  ]),
  wrongStore(
    'reading fails until something was written, because the table is made late',
    ({ good, disk }) => {
      let hasTable = disk.size > 0
      return {
        insert: (key, record, cap) => {
          hasTable = true
          return good.insert(key, record, cap)
        },
        get: async (key) => {
          if (!hasTable) throw new Error('no such table')
          return await good.get(key)
        },
      }
    },
    [
      'getting a key that was never stored gives undefined',
      'update of a key that was never stored answers gone and stores nothing',
    ],
  ),
  wrongStore(
    'the last activity is taken from the clock of the store',
    ({ good, now }) => ({ insert: (key, record, cap) => good.insert(key, { ...record, seenAt: now() }, cap) }),
    ['a record comes back as it was inserted, with and without a subject'],
  ),
  wrongStore('quotes are doubled on their way in', ({ good }) => mapData(good, (data) => data.replaceAll("'", "''")), [
    'STORE-15: meta and data come back unchanged: line ends, tabs and quotes',
  ]),
]

function mapKeys(good: FullStore, map: (key: string) => string): Partial<FullStore> {
  const to = (key: StoreKey): StoreKey => asKey(map(key))
  return {
    get: (key) => good.get(to(key)),
    insert: (key, record, cap) => good.insert(to(key), record, cap),
    update: (key, version, record) => good.update(to(key), version, record),
    touch: (key, seenAt, expiresAt) => good.touch(to(key), seenAt, expiresAt),
    rotate: (key, version, newKey, record, options) => good.rotate(to(key), version, to(newKey), record, options),
    delete: (key, tombstone) => good.delete(to(key), tombstone),
  }
}

function mapData(good: FullStore, map: (data: string) => string): Partial<FullStore> {
  return {
    insert: (key, record, cap) => good.insert(key, { ...record, data: map(record.data) }, cap),
    update: (key, version, record) => good.update(key, version, { ...record, data: map(record.data) }),
  }
}
