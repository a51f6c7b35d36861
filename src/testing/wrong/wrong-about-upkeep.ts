import type { Disk } from './reference.ts'
import { referenceStore } from './reference.ts'
import type { WrongStore } from './wrong-store.ts'
import { wrongStore } from './wrong-store.ts'

/** Stores that are wrong about keeping, sweeping, clearing, scanning or closing. */
export const wrongAboutUpkeep: readonly WrongStore[] = [
  wrongStore(
    'deletes do not reach the disk',
    ({ now, disk }) => referenceStore(now, memoryOver(disk, { deletes: 'lost' })),
    [
      'what was stored, changed, marked and deleted is so after the store is opened again',
      'clear holds after the store is opened again',
    ],
  ),
  wrongStore('nothing reaches the disk', ({ now }) => referenceStore(now), [
    'what was stored, changed, marked and deleted is so after the store is opened again',
    'VULN-6: a record that expired while the store was closed is absent when it is opened again',
    'clear holds after the store is opened again',
  ]),
  wrongStore(
    'opening the store gives what it kept another minute',
    ({ disk }) => {
      for (const [key, entry] of disk) disk.set(key, { ...entry, expiresAt: entry.expiresAt + 60_000 })
      return {}
    },
    [
      'what was stored, changed, marked and deleted is so after the store is opened again',
      'VULN-6: a record that expired while the store was closed is absent when it is opened again',
      'clear holds after the store is opened again',
    ],
  ),
  wrongStore(
    'sweep removes everything that it finds, whatever the limit',
    ({ good }) => ({ sweep: () => good.sweep(Number.MAX_SAFE_INTEGER) }),
    [
      'DOS-17 ASVS5-14.2.7: sweep removes at most its limit, counts what it removes and never a live record',
      'sweeps at the same time end, and no two of them count one record',
    ],
  ),
  wrongStore(
    'sweep keeps marks for ever',
    ({ disk, now }) => ({
      sweep: async (limit) => {
        const dead = [...disk].filter(([, entry]) => entry.state === 'live' && entry.expiresAt <= now())
        for (const [key] of dead.slice(0, limit)) disk.delete(key)
        return { removed: Math.min(limit, dead.length), isDone: dead.length <= limit }
      },
    }),
    ['DOS-17 ASVS5-14.2.7: sweep removes at most its limit, counts what it removes and never a live record'],
  ),
  wrongStore(
    'sweeps at the same time all count what they found',
    ({ disk, now }) => ({
      sweep: async (limit) => {
        const keys = [...disk].flatMap(([key, { expiresAt }]) => (expiresAt <= now() ? [key] : [])).slice(0, limit)
        await Promise.resolve()
        for (const key of keys) disk.delete(key)
        return { removed: keys.length, isDone: keys.length < limit }
      },
    }),
    ['sweeps at the same time end, and no two of them count one record'],
  ),
  wrongStore(
    'sweep removes the oldest entries, expired or not',
    ({ disk }) => ({
      sweep: async (limit) => {
        const keys = [...disk.keys()].slice(0, limit)
        for (const key of keys) disk.delete(key)
        return { removed: keys.length, isDone: disk.size === 0 }
      },
    }),
    [
      'DOS-17 ASVS5-14.2.7: sweep removes at most its limit, counts what it removes and never a live record',
      'sweep of a store without anything expired removes nothing and says that it is done',
      'sweep keeps a record that was touched or updated to live longer',
    ],
  ),
  wrongStore(
    'sweep goes by the deadline that a record had at first',
    ({ good, disk, now }) => {
      const first = new Map<unknown, number>()
      return {
        insert: async (key, record, cap) => {
          first.set(key, record.expiresAt)
          return await good.insert(key, record, cap)
        },
        sweep: async (limit) => {
          const old = [...disk].filter(
            ([key, entry]) => (entry.state === 'live' ? (first.get(key) ?? 0) : entry.expiresAt) <= now(),
          )
          for (const [key] of old.slice(0, limit)) disk.delete(key)
          return { removed: Math.min(limit, old.length), isDone: old.length <= limit }
        },
      }
    },
    ['sweep keeps a record that was touched or updated to live longer'],
  ),
  wrongStore(
    'clear deletes one record after another',
    ({ good, disk }) => ({
      clear: async () => {
        for (const key of [...disk.keys()].slice(1)) await good.delete(key)
      },
    }),
    [
      'ASVS5-7.4.5: clear ends every session at once and nothing brings one back',
      'sessions begin anew after clear, under the same keys too',
      'ASVS5-7.4.5: no list and no limit counts a session that clear ended',
      'clear holds after the store is opened again',
      'watch tells that every session was ended',
    ],
  ),
  wrongStore(
    'clear hides what was created up to this millisecond, and so what is created within it',
    ({ good, now }) => {
      let clearedAt = 0
      return {
        get: async (key) => {
          const entry = await good.get(key)
          return entry?.state === 'live' && entry.createdAt <= clearedAt ? undefined : entry
        },
        clear: async () => {
          clearedAt = now()
          await good.clear()
        },
      }
    },
    ['sessions begin anew after clear, under the same keys too'],
  ),
  wrongStore(
    'clear forgets the index of subjects',
    ({ good, disk }) => {
      let stale: Awaited<ReturnType<typeof good.listBySubject>> = []
      return {
        listBySubject: async (subject) => [
          ...stale.filter((record) => record.subject === subject),
          ...(await good.listBySubject(subject)),
        ],
        clear: async () => {
          stale = [...disk.values()].filter((entry) => entry.state === 'live')
          await good.clear()
        },
      }
    },
    ['ASVS5-7.4.5: no list and no limit counts a session that clear ended'],
  ),
  wrongStore(
    'clear does not reach the disk',
    ({ now, disk }) => referenceStore(now, memoryOver(disk, { deletes: 'written' })),
    ['clear holds after the store is opened again'],
  ),
  wrongStore(
    'scan counts off its pages and so skips records when others go',
    ({ disk, live }) => ({
      scan: async function* (options) {
        const size = options?.pageSize ?? 100
        for (let from = 0; ; from += size) {
          const all = [...disk.keys()].flatMap((key) => {
            const record = live(key)
            return record === undefined ? [] : [[key, { ...record }] as const]
          })
          if (from >= all.length) return
          yield all.slice(from, from + size)
        }
      },
    }),
    ['scan goes on while records come, change and go, and shows what stays exactly once'],
  ),
  wrongStore(
    'scan shows what has expired',
    ({ disk }) => ({
      scan: async function* (options) {
        const size = options?.pageSize ?? 100
        const all = [...disk].flatMap(([key, entry]) => (entry.state === 'live' ? [[key, { ...entry }] as const] : []))
        for (let from = 0; from < all.length; from += size) yield all.slice(from, from + size)
      },
    }),
    ['scan gives every live record once with its key, in pages of at most the size asked for'],
  ),
  wrongStore('scan gives everything as one page', ({ good }) => ({ scan: () => good.scan({ pageSize: 1_000_000 }) }), [
    'scan gives every live record once with its key, in pages of at most the size asked for',
    'a scan may be left early',
  ]),
  wrongStore('a closed store goes on', () => ({ close: async () => {} }), [
    'close finishes the calls that were made before it, may be repeated, and later calls are refused as closed',
  ]),
]

/** A cache that writes through to the disk, but forgets to do so for a clear, and maybe for deletes. */
function memoryOver(disk: Disk, options: { readonly deletes: 'written' | 'lost' }): Disk {
  const memory: Disk = new Map(disk)
  memory.set = (key, entry) => {
    disk.set(key, entry)
    Map.prototype.set.call(memory, key, entry)
    return memory
  }
  memory.delete = (key) => {
    if (options.deletes === 'written') disk.delete(key)
    return Map.prototype.delete.call(memory, key)
  }
  return memory
}
