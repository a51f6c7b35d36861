import { basename, dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isSessionError } from '../../core/errors.ts'
import type { SessionRecord, Tombstone } from '../../core/store.ts'
import { testKey, testRecord } from '../../testing/index.ts'
import { directoryAt } from './directory.ts'
import type { Disk, Listing } from './disk.ts'
import type { FileStore } from './store.ts'
import { storeOver } from './store.ts'

const START = 1_700_000_000_000
const HOUR = 3_600_000
const OLD = testKey('old')
const NEW = testKey('new', 'ann')

interface File {
  text: string
  isDurable: boolean
  modifiedAt: number
}

/** What a folder holds, and what it is sure to hold after a power cut. */
interface Folder {
  readonly names: Map<string, File | Folder>
  durable: Map<string, File | Folder>
}

type End = 'process killed' | 'power cut'

/** A disk in memory that stops at any change, and forgets what was not made durable when the power is cut. */
class TestDisk implements Disk {
  /** The store's own folder is there from the start: it is made, durably, when the store is constructed. */
  root: Folder = withFolder('sessions', withFolder('tmp', newFolder()))
  /** All calls, and those that change something. */
  calls = 0
  changes = 0
  /** The change that does not happen; nothing happens after it. */
  stopAt = Infinity
  /** The change that fails as on a full disk; the next ones work. */
  failAt = Infinity

  /** What is there at the next start. */
  restart(end: End, random: () => number): TestDisk {
    const next = new TestDisk()
    next.root = end === 'power cut' ? afterPowerCut(this.root, random) : this.root
    return next
  }

  async read(path: string): Promise<string | undefined> {
    this.look()
    const file = this.find(path)
    return isFile(file) ? file.text : undefined
  }

  async create(path: string, text: string, options: { isDurable: boolean; modifiedAt?: number }): Promise<void> {
    const { names } = this.folderOf(path)
    if (names.has(basename(path))) throw coded('EEXIST')
    const file = { text: text.slice(0, text.length / 2), isDurable: false, modifiedAt: options.modifiedAt ?? 0 }
    if (this.changes + 1 === this.stopAt) names.set(basename(path), file)
    this.change()
    names.set(basename(path), { ...file, text, isDurable: options.isDurable })
  }

  async rename(from: string, to: string): Promise<void> {
    const [source, target] = [this.folderOf(from), this.folderOf(to)]
    const moved = source.names.get(basename(from))
    if (moved === undefined) throw coded('ENOENT')
    this.change()
    source.names.delete(basename(from))
    target.names.set(basename(to), moved)
  }

  async unlink(path: string): Promise<boolean> {
    this.look()
    if (!isFile(this.find(path))) return false
    this.change()
    return this.folderOf(path).names.delete(basename(path))
  }

  async makeFolder(path: string): Promise<string | undefined> {
    this.look()
    if (this.find(path) !== undefined) return undefined
    const above = dirname(path) === '/' ? undefined : await this.makeFolder(dirname(path))
    this.change()
    this.folderOf(path).names.set(basename(path), newFolder())
    return above ?? path
  }

  async removeFolder(path: string): Promise<boolean> {
    this.look()
    const folder = this.find(path)
    if (folder === undefined || isFile(folder) || folder.names.size > 0) return false
    this.change()
    return this.folderOf(path).names.delete(basename(path))
  }

  async list(path: string): Promise<Listing> {
    this.look()
    const folder = this.find(path)
    const entries = folder === undefined || isFile(folder) ? [] : [...folder.names]
    const pick = (wanted: boolean): readonly string[] =>
      entries.flatMap(([name, node]) => (isFile(node) === wanted ? [name] : [])).toSorted()
    return { files: pick(true), folders: pick(false) }
  }

  async modifiedAt(path: string): Promise<number | undefined> {
    this.look()
    const file = this.find(path)
    return isFile(file) ? file.modifiedAt : undefined
  }

  async exists(path: string): Promise<boolean> {
    this.look()
    return this.find(path) !== undefined
  }

  async syncFolder(path: string): Promise<void> {
    const folder = this.find(path)
    if (folder === undefined || isFile(folder)) throw coded('ENOENT')
    this.change()
    folder.durable = new Map(folder.names)
  }

  private look(): void {
    this.calls++
    if (this.changes >= this.stopAt) throw coded('STOPPED')
  }

  private change(): void {
    this.look()
    this.changes++
    if (this.changes >= this.stopAt) throw coded('STOPPED')
    if (this.changes === this.failAt) throw coded('ENOSPC')
  }

  private find(path: string): File | Folder | undefined {
    let node: File | Folder | undefined = this.root
    for (const name of path.split('/').filter(Boolean)) {
      if (node === undefined || isFile(node)) return undefined
      node = node.names.get(name)
    }
    return node
  }

  private folderOf(path: string): Folder {
    const folder = this.find(dirname(path))
    if (folder === undefined || isFile(folder)) throw coded('ENOENT')
    return folder
  }
}

describe('a rotation that is cut at every step', () => {
  const mark: Tombstone = { state: 'moved', to: NEW, expiresAt: START + HOUR }
  const old = testRecord(START, 'one')
  const ofAnn = testRecord(START, 'one', { subject: 'ann' })
  const login: SessionRecord = { ...old, version: 2, subject: 'ann', handle: 'owned' }
  const cases = [
    { what: 'a login', before: old, after: login, tombstone: mark },
    { what: 'a login without mark', before: old, after: login, tombstone: undefined },
    { what: 'a rotation of the same user', before: ofAnn, after: { ...ofAnn, version: 2 }, tombstone: mark },
    { what: 'a logout', before: ofAnn, after: { ...old, version: 2 }, tombstone: undefined },
  ]
  const ends = ['process killed', 'power cut'] as const

  for (const { what, before, after, tombstone } of cases) {
    it.each(ends)(`STORE-7 RACE-5: ${what}: exactly one session lives after any cut (%s)`, async (end) => {
      await atEveryStop(
        (store) => store.insert(OLD, before),
        (store) => store.rotate(OLD, 1, NEW, after, tombstone && { tombstone }),
        end,
        async (store, isAnswered) => {
          const [atOld, atNew] = [await store.get(OLD), await store.get(NEW)]
          const hasRotated = atNew !== undefined
          expect(atNew).toEqual(hasRotated ? after : undefined)
          expect(atOld).toEqual(hasRotated ? tombstone : before)
          expect(hasRotated || !isAnswered).toBe(true)
          const owned = [hasRotated ? after : before].filter(({ subject }) => subject === 'ann')
          expect(await store.listBySubject('ann')).toEqual(owned)
        },
      )
    })
  }

  it('STORE-7 RACE-5: a start that is cut while it repairs is repaired by the next one', async () => {
    for (let stopAt = 1, isCut = true; isCut; stopAt++) {
      const disk = await diskAfter(async (store) => void (await store.insert(OLD, ofAnn)))
      disk.stopAt = disk.changes + stopAt
      isCut = await isStopped(openOn(disk).rotate(OLD, 1, NEW, { ...ofAnn, version: 2 }, { tombstone: mark }))
      for (let again = 1, isRepairCut = true; isRepairCut; again++) {
        const second = copyOf(disk).restart('process killed', Math.random)
        second.stopAt = again
        isRepairCut = await isStopped(openOn(second).get(OLD))
        const store = openOn(second.restart('process killed', Math.random))
        const found = [await store.get(OLD), await store.get(NEW)]
        expect(found.filter((entry) => entry?.state === 'live')).toHaveLength(1)
        expect(await store.countBySubject('ann')).toBe(1)
      }
    }
  })

  it('STORE-7 RACE-2: what was ended after a rotation stays ended, whatever a power cut undoes', async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const disk = await diskAfter(async (store) => {
        await store.insert(OLD, ofAnn)
        await store.rotate(OLD, 1, NEW, { ...ofAnn, version: 2 })
        await store.deleteBySubject('ann')
      })
      const store = openOn(disk.restart('power cut', randomFrom(seed)))
      expect([await store.get(OLD), await store.get(NEW)]).toEqual([undefined, undefined])
      expect(await store.countBySubject('ann')).toBe(0)
    }
  })

  it('STORE-5 RACE-6: when the disk fails at any step one session lives, now and after a restart', async () => {
    for (let failAt = 1, hasFailed = true; hasFailed; failAt++) {
      const disk = await diskAfter(async (store) => void (await store.insert(OLD, ofAnn)))
      const store = openOn(disk)
      disk.failAt = disk.changes + failAt
      const error = await store.rotate(OLD, 1, NEW, { ...ofAnn, version: 2 }).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      hasFailed = disk.changes >= disk.failAt
      disk.failAt = Infinity
      expect(error === undefined || (isSessionError(error) && error.code === 'store-unavailable')).toBe(true)
      const live = async (from: FileStore): Promise<readonly boolean[]> =>
        [await from.get(OLD), await from.get(NEW)].map((entry) => entry?.state === 'live')
      const now = await live(store)
      expect(now.filter(Boolean)).toHaveLength(1)
      expect(await live(openOn(disk.restart('process killed', Math.random)))).toEqual(now)
      expect((await store.insert(testKey('next'), testRecord(START, 'next'))).outcome).toBe('inserted')
    }
  })
})

describe('other changes that are cut at every step', () => {
  const record = testRecord(START, 'one', { subject: 'ann' })
  const next = { ...record, version: 2, data: '"next"' }
  const ends = ['process killed', 'power cut'] as const
  const nothing = async (): Promise<void> => {}

  it.each(ends)(
    'STORE-7: an insert that was answered is there and listed, any other wholly or not at all (%s)',
    (end) =>
      atEveryStop(
        nothing,
        (store) => store.insert(NEW, record),
        end,
        async (store, isAnswered) => {
          const found = await store.get(NEW)
          expect(found).toEqual(isAnswered || found !== undefined ? record : undefined)
          expect(await store.listBySubject('ann')).toEqual(found === undefined ? [] : [record])
        },
      ),
  )

  it.each(ends)('STORE-7 STORE-3: a delete that was answered holds (%s)', (end) =>
    atEveryStop(
      (store) => store.insert(NEW, record),
      (store) => store.delete(NEW),
      end,
      async (store, isAnswered) => {
        const found = await store.get(NEW)
        expect(found).toEqual(isAnswered || found === undefined ? undefined : record)
        expect(await store.countBySubject('ann')).toBe(found === undefined ? 0 : 1)
      },
    ),
  )

  it.each(ends)("STORE-7 ASVS5-7.4.2: of a subject's sessions all end or none (%s)", (end) =>
    atEveryStop(
      async (store) => {
        for (const label of ['a', 'b', 'c']) await store.insert(testKey(label), { ...record, handle: label })
      },
      (store) => store.deleteBySubject('ann'),
      end,
      async (store, isAnswered) => {
        const left = await store.countBySubject('ann')
        expect(isAnswered ? [0] : [0, 3]).toContain(left)
      },
    ),
  )

  it.each(ends)('STORE-7 ASVS5-7.4.5: clear ends all sessions or none (%s)', (end) =>
    atEveryStop(
      async (store) => {
        for (const label of ['a', 'b', 'c']) await store.insert(testKey(label), { ...record, handle: label })
      },
      (store) => store.clear(),
      end,
      async (store, isAnswered) => {
        const left = await store.countBySubject('ann')
        expect(isAnswered ? [0] : [0, 3]).toContain(left)
        expect((await store.insert(testKey('new'), record)).outcome).toBe('inserted')
      },
    ),
  )

  it('STORE-7: an update or touch that a kill cuts leaves the old record or the new one', async () => {
    const touched = { ...record, seenAt: START + 1, expiresAt: START + 2 * HOUR }
    const changes: readonly (readonly [(store: FileStore) => Promise<unknown>, SessionRecord])[] = [
      [(store) => store.update(NEW, 1, next), next],
      [(store) => store.touch(NEW, touched.seenAt, touched.expiresAt), touched],
    ]
    for (const [change, after] of changes) {
      await atEveryStop(
        (store) => store.insert(NEW, record),
        change,
        'process killed',
        async (store, isAnswered) => {
          const found = await store.get(NEW)
          expect(isAnswered ? [after] : [record, after]).toContainEqual(found)
          expect(await store.countBySubject('ann')).toBe(1)
        },
      )
    }
  })
})

describe('bounded work', () => {
  it('DOS-17: one sweep makes a bounded number of calls, however many files there are', async () => {
    const disk = new TestDisk()
    let time = START
    const store = openOn(disk, () => time)
    const add = (count: number, label: string, expiresAt: number): Promise<unknown> =>
      Promise.all(
        Array.from({ length: count }, (_, n) =>
          store.insert(testKey(`${label}-${n}`), testRecord(START, `${label}-${n}`, { expiresAt })),
        ),
      )
    await add(6000, 'live', START + 2 * HOUR)
    await add(2000, 'short', START + HOUR)
    time += HOUR
    let [removed, longest, isDone] = [0, 0, false]
    for (let rounds = 0; !isDone; rounds++) {
      expect(rounds).toBeLessThan(100)
      const before = disk.calls
      const result = await store.sweep(100)
      expect(result.removed).toBeLessThanOrEqual(100)
      longest = Math.max(longest, disk.calls - before)
      removed += result.removed
      isDone = result.isDone
    }
    expect(removed).toBe(2000)
    expect(longest).toBeLessThan(2500)
  })

  it('ASVS5-7.4.5: clear makes the same few changes for one session as for a thousand', async () => {
    const changesFor = async (count: number): Promise<number> => {
      const disk = await diskAfter(async (store) => {
        for (let n = 0; n < count; n++) await store.insert(testKey(`${n}`), testRecord(START, `${n}`))
      })
      const store = openOn(disk)
      const before = disk.changes
      let counted = 0
      const end = store.clear().then(() => {
        counted = disk.changes - before
      })
      await end
      await store.close()
      return counted
    }
    expect(await changesFor(1000)).toBeLessThanOrEqual((await changesFor(1)) + 1)
  })
})

/** Runs `change` again and again, and stops the disk one step later each time; checks what the next start finds. */
async function atEveryStop(
  prepare: (store: FileStore) => Promise<unknown>,
  change: (store: FileStore) => Promise<unknown>,
  end: End,
  check: (store: FileStore, isAnswered: boolean) => Promise<void>,
): Promise<void> {
  let isCut = true
  let stops = 0
  for (; isCut; stops++) {
    for (let seed = 1; seed <= (end === 'power cut' ? 20 : 1); seed++) {
      const disk = await diskAfter(prepare)
      disk.stopAt = disk.changes + stops + 1
      isCut = await isStopped(change(openOn(disk)))
      await check(openOn(disk.restart(end, randomFrom(seed * 1000 + stops))), !isCut)
    }
  }
  expect(stops).toBeGreaterThan(2)
}

async function diskAfter(prepare: (store: FileStore) => Promise<unknown>): Promise<TestDisk> {
  const disk = new TestDisk()
  await prepare(openOn(disk))
  return disk
}

function openOn(disk: Disk, now: () => number = () => START): FileStore {
  return storeOver({ directory: directoryAt('/sessions', disk), isHeld: () => true, release: async () => {} }, now)
}

async function isStopped(operation: Promise<unknown>): Promise<boolean> {
  try {
    await operation
    return false
  } catch (error) {
    if (isSessionError(error) && /STOPPED/.test(error.message)) return true
    throw error
  }
}

function newFolder(): Folder {
  return { names: new Map(), durable: new Map() }
}

function withFolder(name: string, folder: Folder): Folder {
  return { names: new Map([[name, folder]]), durable: new Map([[name, folder]]) }
}

function isFile(node: File | Folder | undefined): node is File {
  return node !== undefined && 'text' in node
}

function copyOf(disk: TestDisk): TestDisk {
  const copy = new TestDisk()
  copy.root = structuredClone(disk.root)
  return copy
}

/** POSIX promises no order: each name, and each content, is what it was or what it became. */
function afterPowerCut(folder: Folder, random: () => number): Folder {
  const names = new Map<string, File | Folder>()
  for (const name of new Set([...folder.names.keys(), ...folder.durable.keys()])) {
    const node = (random() < 0.5 ? folder.names : folder.durable).get(name)
    if (node === undefined) continue
    const lost = isFile(node) && !node.isDurable && random() < 0.5
    names.set(
      name,
      isFile(node) ? { ...node, text: lost ? '' : node.text, isDurable: true } : afterPowerCut(node, random),
    )
  }
  return { names, durable: new Map(names) }
}

/** Mulberry32: the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function coded(code: string): Error {
  return Object.assign(new Error(code), { code })
}
