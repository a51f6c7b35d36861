import type { WrongStore } from './wrong-store.ts'
import { pause, wrongStore } from './wrong-store.ts'

const LARGEST_TIMER = 2 ** 31 - 1

/** The cases that a store fails in which something is still found when it has expired. */
const OUTLIVED: readonly string[] = [
  'delete leaves its mark in place of a live record until the mark expires',
  'DOS-3: delete leaves no mark where no live record was',
  'STORE-13: a record is absent from the instant it expires, though no sweep ran',
  'RACE-11: update, touch, rotate and delete see an expired record as absent and bring nothing back',
  'an update moves the deadline, earlier too',
  'DOS-15: an expiry 60 days away is kept',
  'DOS-15: an expiry 400 days away is kept',
  'a rotation leaves its mark (moved) under the old key until the mark expires',
  'a rotation leaves its mark (dead) under the old key until the mark expires',
  'VULN-6: a record that expired while the store was closed is absent when it is opened again',
]

/** Stores that are wrong about touching, expiring or deleting. */
export const wrongAboutEnds: readonly WrongStore[] = [
  wrongStore(
    'touch sets the times it is given, earlier ones too',
    ({ disk, live }) => ({
      touch: async (key, seenAt, expiresAt) => {
        const record = live(key)
        if (record !== undefined) disk.set(key, { ...record, seenAt, expiresAt })
        return record !== undefined
      },
    }),
    ['touch never moves a time back', 'of many concurrent touches the latest times stay'],
  ),
  wrongStore(
    'touch revives what has expired and lengthens marks',
    ({ good, disk }) => ({
      touch: async (key, seenAt, expiresAt) => {
        const entry = disk.get(key)
        if (entry === undefined) return false
        if (await good.touch(key, seenAt, expiresAt)) return true
        disk.set(key, { ...entry, expiresAt })
        return true
      },
    }),
    [
      'RACE-3: touch of an unknown, deleted or marked key answers false and stores nothing',
      'RACE-11: update, touch, rotate and delete see an expired record as absent and bring nothing back',
      'RACE-4: update, touch and delete with the old key change nothing after a rotation',
    ],
  ),
  wrongStore(
    'touch writes back the whole record it read before',
    ({ good, disk, live }) => ({
      touch: async (key, seenAt, expiresAt) => {
        const record = live(key)
        await pause()
        if (record !== undefined) disk.set(key, record)
        return await good.touch(key, seenAt, expiresAt)
      },
    }),
    [
      'of many concurrent touches the latest times stay',
      'RACE-2: whatever saves and touches run beside a delete, nothing is left',
    ],
  ),
  wrongStore(
    'touch counts as a new version',
    ({ good, disk, live }) => ({
      touch: async (...args) => {
        const isTouched = await good.touch(...args)
        const record = live(args[0])
        if (record !== undefined) disk.set(args[0], { ...record, version: record.version + 1 })
        return isTouched
      },
    }),
    [
      'touch moves the times of a live record forward and leaves the rest, the version too',
      'touch never moves a time back',
      'of many concurrent touches the latest times stay',
      'the list shows what updates and touches changed',
      'what was stored, changed, marked and deleted is so after the store is opened again',
    ],
  ),
  wrongStore(
    'a record is there until a sweep takes it',
    ({ good, disk }) => ({
      get: async (key) => copyOf((await good.get(key)) ?? disk.get(key)),
    }),
    OUTLIVED,
  ),
  wrongStore(
    'a record lives one millisecond too long',
    ({ good, disk, now }) => ({
      get: async (key) => {
        const entry = (await good.get(key)) ?? disk.get(key)
        return entry === undefined || entry.expiresAt < now() ? undefined : { ...entry }
      },
    }),
    OUTLIVED,
  ),
  wrongStore(
    'an update leaves the deadline where it was',
    ({ good, live }) => ({
      update: (key, version, record) =>
        good.update(key, version, { ...record, expiresAt: live(key)?.expiresAt ?? record.expiresAt }),
    }),
    [
      'update replaces the record that is still at the version',
      'an update moves the deadline, earlier too',
      'sweep keeps a record that was touched or updated to live longer',
    ],
  ),
  wrongStore(
    'lifetimes are cut to what a timer can hold',
    ({ good, now }) => ({
      insert: (key, record, cap) =>
        good.insert(key, { ...record, expiresAt: Math.min(record.expiresAt, now() + LARGEST_TIMER) }, cap),
    }),
    ['DOS-15: an expiry 60 days away is kept', 'DOS-15: an expiry 400 days away is kept'],
  ),
  wrongStore(
    'lifetimes are cut to a year',
    ({ disk, now, good }) => ({
      get: async (key) => {
        const entry = disk.get(key)
        return entry?.state === 'live' && now() - entry.createdAt > 366 * 86_400_000 ? undefined : await good.get(key)
      },
    }),
    ['DOS-15: an expiry 400 days away is kept'],
  ),
  wrongStore(
    'delete of nothing fails',
    ({ good }) => ({
      delete: async (key, tombstone) => {
        if (!(await good.delete(key, tombstone))) throw new Error('no such session')
        return true
      },
    }),
    [
      'a deleted record is gone, and only the delete that removed it answers true',
      'deleting what was never stored succeeds with false',
      'DOS-3: delete leaves no mark where no live record was',
      'delete of a marked key answers false and leaves the mark as it is',
      'of many concurrent deletes exactly one answers true',
      'RACE-11: update, touch, rotate and delete see an expired record as absent and bring nothing back',
      'RACE-4: update, touch and delete with the old key change nothing after a rotation',
      'ASVS5-7.4.5: clear ends every session at once and nothing brings one back',
      'scan goes on while records come, change and go, and shows what stays exactly once',
      'watch tells of no insertion, save, touch, reading or miss',
    ],
  ),
  wrongStore(
    'delete always answers true',
    ({ good }) => ({ delete: async (key, tombstone) => (await good.delete(key, tombstone)) || true }),
    [
      'a deleted record is gone, and only the delete that removed it answers true',
      'deleting what was never stored succeeds with false',
      'DOS-3: delete leaves no mark where no live record was',
      'delete of a marked key answers false and leaves the mark as it is',
      'of many concurrent deletes exactly one answers true',
      'RACE-11: update, touch, rotate and delete see an expired record as absent and bring nothing back',
      'RACE-4: update, touch and delete with the old key change nothing after a rotation',
      'ASVS5-7.4.5: clear ends every session at once and nothing brings one back',
    ],
  ),
  wrongStore(
    'delete leaves its mark where nothing was',
    ({ good, disk }) => ({
      delete: async (key, tombstone) => {
        const isDeleted = await good.delete(key, tombstone)
        if (!isDeleted && tombstone !== undefined) disk.set(key, { ...tombstone })
        return isDeleted
      },
    }),
    [
      'DOS-3: delete leaves no mark where no live record was',
      'delete of a marked key answers false and leaves the mark as it is',
    ],
  ),
  wrongStore(
    'delete without a mark removes a mark',
    ({ good, disk }) => ({
      delete: async (key, tombstone) => {
        const isDeleted = await good.delete(key, tombstone)
        if (!isDeleted && tombstone === undefined) disk.delete(key)
        return isDeleted
      },
    }),
    [
      'delete of a marked key answers false and leaves the mark as it is',
      'RACE-4: update, touch and delete with the old key change nothing after a rotation',
    ],
  ),
  wrongStore('delete ignores the mark', ({ good }) => ({ delete: (key) => good.delete(key) }), [
    'insert on a marked key answers exists and leaves the mark',
    'changing a record or mark that was handed out changes nothing stored',
    'RACE-2: update of a marked key answers gone with the mark and leaves it',
    'RACE-3: touch of an unknown, deleted or marked key answers false and stores nothing',
    'delete leaves its mark in place of a live record until the mark expires',
    'delete of a marked key answers false and leaves the mark as it is',
    'rotate onto a live or marked key answers exists and changes nothing',
    'DOS-17 ASVS5-14.2.7: sweep removes at most its limit, counts what it removes and never a live record',
  ]),
]

function copyOf<T extends object>(entry: T | undefined): T | undefined {
  return entry === undefined ? undefined : { ...entry }
}
