import type { WrongStore } from './wrong-store.ts'
import { pause, wrongStore } from './wrong-store.ts'

/** The cases that a store fails whose rotations leave no mark, or another one. */
const MARKS: readonly string[] = [
  'a rotation leaves its mark (moved) under the old key until the mark expires',
  'a rotation leaves its mark (dead) under the old key until the mark expires',
  'rotate of a marked key answers gone with the mark and leaves it',
  'RACE-6: who loses a race of rotations is told the mark that leads to the winner',
  'RACE-4: update, touch and delete with the old key change nothing after a rotation',
  'what was stored, changed, marked and deleted is so after the store is opened again',
]

/** Stores whose rotation is no single step, or answers wrongly. */
export const wrongAboutRotation: readonly WrongStore[] = [
  wrongStore(
    'rotate removes the old record before it inserts the new one',
    ({ good, disk, live }) => ({
      rotate: async (key, version, newKey, record, options) => {
        const old = live(key)
        const isFree = (await good.get(newKey)) === undefined
        if (old?.version !== version || !isFree) return await good.rotate(key, version, newKey, record, options)
        if (!(await good.delete(key))) return { outcome: 'gone' }
        await pause()
        disk.set(key, old)
        return await good.rotate(key, version, newKey, record, options)
      },
    }),
    [
      'RACE-6: who loses a race of rotations is told the mark that leads to the winner',
      'RACE-6: nobody who looks while a rotation runs sees two live sessions, or none',
    ],
  ),
  wrongStore(
    'rotate inserts the new record and then removes the old one',
    ({ good, live }) => ({
      rotate: async (key, version, newKey, record, options) => {
        if (live(key)?.version !== version) return await good.rotate(key, version, newKey, record, options)
        const result = await good.insert(newKey, record, options?.cap)
        if (result.outcome !== 'inserted') return result
        await pause()
        await good.delete(key, options?.tombstone)
        return { outcome: 'rotated', evicted: result.evicted }
      },
    }),
    [
      'RACE-6: many concurrent rotations of one session leave exactly one live session',
      'RACE-6: who loses a race of rotations is told the mark that leads to the winner',
      'a rotation does not count the record that it replaces',
    ],
  ),
  wrongStore(
    'rotate inserts the new record whether or not the old one is still there',
    ({ good, live }) => ({
      rotate: async (key, version, newKey, record, options) => {
        if (live(key) !== undefined) return await good.rotate(key, version, newKey, record, options)
        const result = await good.insert(newKey, record, options?.cap)
        return result.outcome === 'inserted' ? { outcome: 'rotated', evicted: result.evicted } : result
      },
    }),
    [
      'RACE-11: update, touch, rotate and delete see an expired record as absent and bring nothing back',
      'DOS-3: rotate of an unknown or deleted key answers gone and stores nothing',
      'rotate of a marked key answers gone with the mark and leaves it',
      'RACE-6: many concurrent rotations of one session leave exactly one live session',
      'RACE-6: who loses a race of rotations is told the mark that leads to the winner',
      'RACE-2: a save, touch or rotation after its session was ended brings nothing back',
      'a rotation that is gone, late or finds its new key taken evicts nobody',
      'ASVS5-7.4.5: clear ends every session at once and nothing brings one back',
    ],
  ),
  wrongStore(
    'rotate does not look at the version',
    ({ good, live }) => ({
      rotate: (key, version, ...rest) => good.rotate(key, live(key)?.version ?? version, ...rest),
    }),
    [
      'rotate at another version answers conflict with the current record and changes nothing',
      'a rotation that is gone, late or finds its new key taken evicts nobody',
      'watch tells of no insertion, save, touch, reading or miss',
    ],
  ),
  wrongStore(
    'rotate leaves no mark',
    ({ good }) => ({
      rotate: (key, version, newKey, record, options) =>
        good.rotate(key, version, newKey, record, options?.cap === undefined ? {} : { cap: options.cap }),
    }),
    MARKS,
  ),
  wrongStore(
    'rotate leaves the mark for ever',
    ({ good }) => ({
      rotate: (key, version, newKey, record, { tombstone, ...options } = {}) =>
        good.rotate(key, version, newKey, record, {
          ...options,
          ...(tombstone === undefined ? {} : { tombstone: { ...tombstone, expiresAt: Number.MAX_SAFE_INTEGER } }),
        }),
    }),
    MARKS,
  ),
  wrongStore(
    'rotate marks the old key even when it had no live record',
    ({ good, disk }) => ({
      rotate: async (key, version, newKey, record, options) => {
        const result = await good.rotate(key, version, newKey, record, options)
        if (result.outcome === 'gone' && options?.tombstone !== undefined) disk.set(key, { ...options.tombstone })
        return result
      },
    }),
    [
      'DOS-3: rotate of an unknown or deleted key answers gone and stores nothing',
      'rotate of a marked key answers gone with the mark and leaves it',
    ],
  ),
  wrongStore(
    'rotate replaces what lives under the new key',
    ({ good, disk, live }) => ({
      rotate: async (key, version, newKey, record, options) => {
        if (live(key)?.version === version) disk.delete(newKey)
        return await good.rotate(key, version, newKey, record, options)
      },
    }),
    [
      'rotate onto a live or marked key answers exists and changes nothing',
      'a rotation that is gone, late or finds its new key taken evicts nobody',
    ],
  ),
  wrongStore(
    'rotate finds its new key taken by what has expired',
    ({ good, disk, live }) => ({
      rotate: async (key, version, newKey, record, options) =>
        live(key) !== undefined && disk.has(newKey)
          ? { outcome: 'exists' }
          : await good.rotate(key, version, newKey, record, options),
    }),
    ['rotate onto a key whose record has expired succeeds'],
  ),
  wrongStore(
    'rotate keeps the old data under the new key',
    ({ good, live }) => ({
      rotate: (key, version, newKey, record, options) =>
        good.rotate(key, version, newKey, { ...record, data: live(key)?.data ?? record.data }, options),
    }),
    [
      'after a rotation the new key holds the new record and the old key is free',
      'RACE-4: update, touch and delete with the old key change nothing after a rotation',
      'RACE-14: the list never shows what expired, ended, was rotated away or marked',
    ],
  ),
  wrongStore(
    'rotate keeps the old subject',
    ({ good, live }) => ({
      rotate: (key, version, newKey, record, options) => {
        const { subject: _, ...rest } = record
        const subject = live(key)?.subject
        return good.rotate(key, version, newKey, subject === undefined ? rest : { ...rest, subject }, options)
      },
    }),
    [
      'RACE-5 RACE-14: a rotation into an account takes the old session out and the new one in as one step',
      'a login at the limit evicts the oldest session, or is refused and changes nothing',
      'ASVS5-7.1.2 DOS-5: of 50 concurrent logins with a limit of 3 exactly 3 are live at the end (evict-oldest)',
      'ASVS5-7.1.2 DOS-5: of 50 concurrent logins with a limit of 3 exactly 3 are live at the end (reject)',
      'watch tells of the sessions that a cap ended, at an insertion and at a rotation',
    ],
  ),
]
