import { setImmediate } from 'node:timers/promises'
import { seededRandom } from '../../src/testing/index.ts'
import { referenceStore } from '../../src/testing/wrong/reference.ts'
import type { Disk, FullStore } from '../../src/testing/wrong/reference.ts'
import type { FindingKind } from './check/findings.ts'

/** A store that is wrong on purpose, and what the checker has to say about it. */
export interface Planted {
  readonly name: string
  readonly found: readonly FindingKind[]
  readonly make: (seed: number) => FullStore
}

const planted = (
  name: string,
  found: readonly FindingKind[],
  fault: (good: FullStore, disk: Disk, random: () => number) => Partial<FullStore>,
): Planted => ({
  name,
  found,
  make: (seed) => {
    const disk: Disk = new Map()
    const good = referenceStore(Date.now, disk)
    return { ...good, ...fault(good, disk, seededRandom(seed)) }
  },
})

/** How often the machine of the write-behind store fails, in calls, and how many calls its memory is ahead of its disk. */
const CRASH = 400
const BEHIND = 30

export const plantedOnes: readonly Planted[] = [
  planted('an update inserts what is not there', ['revived'], (good) => ({
    update: async (key, version, record) => {
      const result = await good.update(key, version, record)
      if (result.outcome !== 'gone') return result
      await good.insert(key, record)
      return { outcome: 'updated' }
    },
  })),
  {
    name: 'it answers before it writes, and its machine fails now and then',
    found: ['sign-in lost', 'update lost', 'revived'],
    make: (seed) => writeBehind(seededRandom(seed)),
  },
  planted('an update that was not answered is sent again by the driver', ['applied twice'], (good, _disk, random) => ({
    update: async (key, version, record) => {
      const result = await good.update(key, version, record)
      return random() < 0.02 ? await good.update(key, version, record) : result
    },
  })),
  planted('a rotation inserts the new record, and then deletes the old one', ['update lost'], (good) => ({
    rotate: async (key, version, newKey, record, options) => {
      const old = await good.get(key)
      if (old?.state !== 'live' || old.version !== version) return good.rotate(key, version, newKey, record, options)
      const result = await good.insert(newKey, record, options?.cap)
      if (result.outcome !== 'inserted') return result
      await setImmediate()
      await good.delete(key, options?.tombstone)
      return { outcome: 'rotated', evicted: result.evicted }
    },
  })),
  planted(
    'a rotation inserts the new record, and what deletes the old one may never come',
    ['forked', 'old token opens'],
    (good, _disk, random) => ({
      rotate: async (key, version, newKey, record, options) => {
        const old = await good.get(key)
        if (old?.state !== 'live' || old.version !== version) return good.rotate(key, version, newKey, record, options)
        const result = await good.insert(newKey, record, options?.cap)
        if (result.outcome !== 'inserted') return result
        const chance = random()
        if (chance < 0.03) throw new Error('the connection broke between two commands')
        if (chance > 0.03) await good.delete(key, options?.tombstone)
        return { outcome: 'rotated', evicted: result.evicted }
      },
    }),
  ),
  planted(
    'a rotation deletes the old record, and what inserts the new one may never come',
    ['sign-in lost'],
    (good, disk, random) => ({
      rotate: async (key, version, newKey, record, options) => {
        const result = await good.rotate(key, version, newKey, record, options)
        if (result.outcome !== 'rotated' || random() > 0.03) return result
        disk.delete(newKey)
        throw new Error('the connection broke between two commands')
      },
    }),
  ),
  planted(
    'the user is written to the old record first, and then the token is replaced',
    ['privilege under an old token'],
    (good, disk) => ({
      rotate: async (key, version, newKey, record, options) => {
        const old = await good.get(key)
        if (old?.state === 'live' && old.version === version) {
          disk.set(key, {
            ...old,
            meta: record.meta,
            ...(record.subject === undefined ? {} : { subject: record.subject }),
          })
          await setImmediate()
        }
        return good.rotate(key, version, newKey, record, options)
      },
    }),
  ),
  planted('replies get mixed up between requests', ["another's data"], (good, disk, random) => ({
    get: async (key) => {
      const entry = await good.get(key)
      if (entry?.state !== 'live' || random() > 0.002) return entry
      const other = [...disk.values()].find((each) => each.state === 'live' && each.handle !== entry.handle)
      return other ?? entry
    },
  })),
  planted('an ending is acknowledged and forgotten', ['revived', 'dead session in list'], (good, _disk, random) => ({
    delete: async (key, tombstone) => (random() < 0.05 ? true : good.delete(key, tombstone)),
    deleteBySubject: async (subject, except) => (random() < 0.2 ? 1 : good.deleteBySubject(subject, except)),
  })),
  planted('an update does not look at the version', ['update lost'], (good) => ({
    update: async (key, version, record) => {
      const entry = await good.get(key)
      return good.update(key, entry?.state === 'live' ? entry.version : version, record)
    },
  })),
  planted('the list of a user lacks a session now and then', ['live session not in list'], (good, _disk, random) => ({
    listBySubject: async (subject) => {
      const list = await good.listBySubject(subject)
      return random() < 0.05 ? list.slice(1) : list
    },
  })),
  planted('the limit is not applied', ['limit not kept'], (good) => ({
    insert: (key, record) => good.insert(key, record),
  })),
]

/** Everything is done in memory, and the disk holds what memory held some calls ago. */
function writeBehind(random: () => number): FullStore {
  const memory: Disk = new Map()
  let onDisk: Disk = new Map()
  let calls = 0
  const good = referenceStore(Date.now, memory)
  const tick = (): void => {
    if (++calls % BEHIND === 0) onDisk = new Map(memory)
    if (random() > 1 / CRASH) return
    memory.clear()
    for (const [key, entry] of onDisk) memory.set(key, entry)
  }
  return {
    ...good,
    get: (key) => {
      tick()
      return good.get(key)
    },
  }
}
