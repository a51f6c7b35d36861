import type { SessionRecord, SubjectCap } from '../../core/store.ts'
import type { FullStore } from './reference.ts'
import { lateCap } from './late-cap.ts'
import type { WrongStore } from './wrong-store.ts'
import { wrongStore } from './wrong-store.ts'

/** The cases that a store fails which does not end the oldest sessions where a limit says so. */
const EVICTIONS: readonly string[] = [
  'ASVS5-7.1.2: at the limit the oldest session is ended and named',
  'a limit that was lowered ends as many of the oldest sessions as it takes',
  'ASVS5-7.1.2 DOS-5: of 50 concurrent inserts with a limit of 3 exactly 3 are live at the end (evict-oldest)',
  'ASVS5-7.1.2 DOS-5: of 50 concurrent logins with a limit of 3 exactly 3 are live at the end (evict-oldest)',
  'watch tells of the sessions that a cap ended, at an insertion and at a rotation',
]
/** The cases that a store fails which does not refuse a session where a limit says so. */
const REFUSALS: readonly string[] = [
  'ASVS5-7.1.2: at the limit a new session is refused where the policy says so, and nothing changes',
  'ASVS5-7.1.2 DOS-5: of 50 concurrent inserts with a limit of 3 exactly 3 are live at the end (reject)',
  'ASVS5-7.1.2 DOS-5: of 50 concurrent logins with a limit of 3 exactly 3 are live at the end (reject)',
]
const AT_THE_LIMIT = 'a login at the limit evicts the oldest session, or is refused and changes nothing'

/** Stores that list, end or limit a subject's sessions wrongly. */
export const wrongAboutSubjects: readonly WrongStore[] = [
  wrongStore(
    'the list comes in the order of insertion',
    ({ disk, live }) => ({
      listBySubject: async (subject) =>
        [...disk.keys()].flatMap((key) => {
          const record = live(key)
          return record?.subject === subject ? [{ ...record }] : []
        }),
    }),
    ["ASVS5-7.5.2: a subject's records are listed whole, oldest first, and counted"],
  ),
  wrongStore(
    'the list shows what has expired',
    ({ disk }) => {
      const list = (subject: string): SessionRecord[] =>
        [...disk.values()]
          .filter((entry) => entry.state === 'live')
          .filter((entry) => entry.subject === subject)
          .toSorted((a, b) => a.createdAt - b.createdAt)
      return {
        listBySubject: async (subject) => list(subject).map((record) => ({ ...record })),
        countBySubject: async (subject) => list(subject).length,
      }
    },
    [
      'RACE-14: the list never shows what expired, ended, was rotated away or marked',
      'ASVS5-7.4.3: all sessions of a subject end but the one that is excepted',
    ],
  ),
  wrongStore(
    'subjects are compared without regard to case',
    ({ good, disk }) => {
      const like = (subject: string): string[] => {
        const all = [...disk.values()].flatMap((entry) => (entry.state === 'live' ? [entry.subject ?? ''] : []))
        return [...new Set(all)].filter((other) => other.toLowerCase() === subject.toLowerCase())
      }
      return {
        listBySubject: async (subject) =>
          (await Promise.all(like(subject).map((other) => good.listBySubject(other)))).flat(),
      }
    },
    ['subjects are opaque: case, quotes, wildcards and line ends make different subjects'],
  ),
  wrongStore(
    'a list of records handed out is the stored one',
    ({ good, disk }) => ({
      listBySubject: async (subject) =>
        (await good.listBySubject(subject)).flatMap(({ handle }) =>
          [...disk.values()].filter((entry) => entry.state === 'live').filter((entry) => entry.handle === handle),
        ),
    }),
    ['changing a listed record changes nothing stored'],
  ),
  wrongStore(
    'the index of subjects keeps what the record was at its insertion',
    ({ good }) => {
      const first = new Map<string, SessionRecord>()
      return {
        insert: async (key, record, cap) => {
          first.set(record.handle, { ...record })
          return await good.insert(key, record, cap)
        },
        listBySubject: async (subject) =>
          (await good.listBySubject(subject)).map((record) => ({ ...(first.get(record.handle) ?? record) })),
      }
    },
    [
      'RACE-14: the list never shows what expired, ended, was rotated away or marked',
      'the list shows what updates and touches changed',
    ],
  ),
  wrongStore(
    'whoever knows a handle may end the session',
    ({ disk, live }) => ({
      deleteByHandle: async (_subject, handle) =>
        [...disk.keys()].some((key) => live(key)?.handle === handle && disk.delete(key)),
    }),
    [
      "ASVS5-7.5.2: another user's handle ends nothing, nor does one of an expired session",
      'watch tells of a session that was ended by its name, and of all that were ended with their user but the one that stays',
    ],
  ),
  wrongStore(
    'a handle that is missing stands for all of them',
    ({ good }) => ({
      deleteByHandle: async (subject, handle?: string) =>
        handle === undefined ? (await good.deleteBySubject(subject)) > 0 : good.deleteByHandle(subject, handle),
    }),
    ['ASVS5-7.4.2: what is no handle, such as a missing form field, ends nothing'],
  ),
  wrongStore(
    'ending one session by its handle only takes it off the list',
    ({ good, disk, live }) => ({
      deleteByHandle: async (subject, handle) =>
        [...disk.keys()].some((key) => {
          const record = live(key)
          if (record?.subject !== subject || record.handle !== handle) return false
          const { subject: _, ...rest } = record
          return good.name !== '' && disk.set(key, rest).has(key)
        }),
    }),
    [
      'ASVS5-7.5.2: one session of a subject is ended by its handle',
      'RACE-2: a save, touch or rotation after its session was ended brings nothing back',
      'watch tells of a session that was ended by its name, and of all that were ended with their user but the one that stays',
    ],
  ),
  wrongStore(
    'ending all sessions ends the excepted one too',
    ({ good }) => ({ deleteBySubject: (subject) => good.deleteBySubject(subject) }),
    [
      'ASVS5-7.4.3: all sessions of a subject end but the one that is excepted',
      'watch tells of a session that was ended by its name, and of all that were ended with their user but the one that stays',
    ],
  ),
  wrongStore(
    'ending all sessions ends everybody',
    ({ disk, live }) => ({
      deleteBySubject: async (subject, except) => {
        const keys = [...disk.keys()].filter((key) => live(key) !== undefined && live(key)?.handle !== except)
        const own = keys.filter((key) => live(key)?.subject === subject).length
        for (const key of keys) disk.delete(key)
        return own
      },
    }),
    [
      'ASVS5-7.4.2: all sessions of a subject end at once, and nobody else is touched',
      'watch tells of a session that was ended by its name, and of all that were ended with their user but the one that stays',
    ],
  ),
  wrongStore(
    'ending all sessions counts what had expired',
    ({ good, disk }) => ({
      deleteBySubject: async (subject, except) => {
        const all = [...disk.values()].filter((entry) => entry.state === 'live' && entry.subject === subject)
        const isKept = (await good.listBySubject(subject)).some(({ handle }) => handle === except)
        await good.deleteBySubject(subject, except)
        return all.length - (isKept ? 1 : 0)
      },
    }),
    ['ASVS5-7.4.3: all sessions of a subject end but the one that is excepted'],
  ),
  wrongStore(
    'ending all sessions stops after ten',
    ({ good }) => ({
      deleteBySubject: async (subject, except) => {
        const listed = await good.listBySubject(subject)
        const ended = listed.filter(({ handle }) => handle !== except).slice(0, 10)
        for (const { handle } of ended) await good.deleteByHandle(subject, handle)
        return ended.length
      },
    }),
    [
      'ASVS5-7.4.2: all sessions of a subject end at once, and nobody else is touched',
      'RACE-10: sessions that begin while all are ended are either ended or listed',
    ],
  ),
  wrongStore('no limit is applied', ({ good }) => mapCap(good, () => undefined), [
    ...EVICTIONS,
    ...REFUSALS,
    AT_THE_LIMIT,
  ]),
  wrongStore('a limit always evicts', ({ good }) => mapCap(good, (cap) => cap && { ...cap, onLimit: 'evict-oldest' }), [
    ...REFUSALS,
    AT_THE_LIMIT,
  ]),
  wrongStore('a limit always refuses', ({ good }) => mapCap(good, (cap) => cap && { ...cap, onLimit: 'reject' }), [
    ...EVICTIONS,
    AT_THE_LIMIT,
  ]),
  wrongStore('a limit lets one more in', ({ good }) => mapCap(good, (cap) => cap && { ...cap, max: cap.max + 1 }), [
    ...EVICTIONS,
    ...REFUSALS,
    AT_THE_LIMIT,
  ]),
  wrongStore('a limit is applied after the insertion, as a step of its own', lateCap, [
    'ASVS5-7.1.2 DOS-5: of 50 concurrent inserts with a limit of 3 exactly 3 are live at the end (evict-oldest)',
    'ASVS5-7.1.2 DOS-5: of 50 concurrent inserts with a limit of 3 exactly 3 are live at the end (reject)',
  ]),
  wrongStore(
    'a limit counts the record that a rotation replaces',
    ({ good, live }) => ({
      rotate: (key, version, newKey, record, options) => {
        const isOwn = record.subject !== undefined && live(key)?.subject === record.subject
        const cap = options?.cap
        return good.rotate(key, version, newKey, record, {
          ...options,
          ...(cap === undefined || !isOwn ? {} : { cap: { ...cap, max: cap.max - 1 } }),
        })
      },
    }),
    ['a rotation does not count the record that it replaces'],
  ),
  wrongStore(
    'a limit evicts one session and no more',
    ({ good }) => ({
      insert: async (key, record, cap) => {
        const count = record.subject === undefined ? 0 : await good.countBySubject(record.subject)
        const isLowered = cap !== undefined && count > cap.max
        return await good.insert(key, record, isLowered ? { ...cap, max: count } : cap)
      },
    }),
    ['a limit that was lowered ends as many of the oldest sessions as it takes'],
  ),
  wrongStore(
    'a limit evicts before it knows whether the key is free',
    ({ good, live }) => ({
      insert: async (key, record, cap) => {
        const copy = { ...record }
        const evicted = await makeRoom(good, copy, cap)
        const result = await good.insert(key, copy, cap)
        return result.outcome === 'inserted' ? { ...result, evicted } : result
      },
      rotate: async (key, version, newKey, record, options) => {
        const isOwn = live(key)?.subject === record.subject
        const evicted = isOwn ? [] : await makeRoom(good, record, options?.cap)
        const result = await good.rotate(key, version, newKey, record, options)
        return result.outcome === 'rotated' ? { ...result, evicted } : result
      },
    }),
    [
      'an insert on a live key evicts nobody',
      'a rotation that is gone, late or finds its new key taken evicts nobody',
      'ASVS5-7.1.2 DOS-5: of 50 concurrent inserts with a limit of 3 exactly 3 are live at the end (evict-oldest)',
      'ASVS5-7.1.2 DOS-5: of 50 concurrent logins with a limit of 3 exactly 3 are live at the end (evict-oldest)',
      'close finishes the calls that were made before it, may be repeated, and later calls are refused as closed',
    ],
  ),
  wrongStore(
    'a limit counts what has expired',
    ({ good, disk, live }) => ({
      insert: (key, record, cap) => {
        const expired = [...disk].filter(
          ([other, entry]) => entry.state === 'live' && entry.subject === record.subject && live(other) === undefined,
        )
        return good.insert(key, record, cap && { ...cap, max: cap.max - expired.length })
      },
    }),
    ['the limit counts live sessions of the same subject only'],
  ),
  wrongStore(
    'evictions are not told',
    ({ good }) => ({
      insert: async (key, record, cap) => {
        const result = await good.insert(key, record, cap)
        return result.outcome === 'inserted' ? { ...result, evicted: [] } : result
      },
    }),
    [
      'ASVS5-7.1.2: at the limit the oldest session is ended and named',
      'a limit that was lowered ends as many of the oldest sessions as it takes',
      'ASVS5-7.1.2 DOS-5: of 50 concurrent inserts with a limit of 3 exactly 3 are live at the end (evict-oldest)',
    ],
  ),
]

function mapCap(good: FullStore, map: (cap: SubjectCap | undefined) => SubjectCap | undefined): Partial<FullStore> {
  return {
    insert: (key, record, cap) => good.insert(key, record, map(cap)),
    rotate: (key, version, newKey, record, options) => {
      const cap = map(options?.cap)
      const mark = options?.tombstone === undefined ? {} : { tombstone: options.tombstone }
      return good.rotate(key, version, newKey, record, cap === undefined ? mark : { ...mark, cap })
    },
  }
}

async function makeRoom(good: FullStore, record: SessionRecord, cap?: SubjectCap): Promise<readonly string[]> {
  if (cap?.onLimit !== 'evict-oldest' || record.subject === undefined) return []
  const listed = await good.listBySubject(record.subject)
  const handles = listed.slice(0, Math.max(0, listed.length + 1 - cap.max)).map(({ handle }) => handle)
  for (const handle of handles) await good.deleteByHandle(record.subject, handle)
  return handles
}
