import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { Disk, WriteOptions } from './disk.ts'
import { codeOf } from './disk.ts'
import type { Entry } from './entry.ts'
import { damaged, decodeEntry, encodeEntry, hashOf } from './entry.ts'

/** Whether the answer may come before the change would outlive a power cut. */
export type Durability = 'durable' | 'cheap'

/**
 * The files of one directory, without any locking:
 *
 * ```
 * data/records/a/bc/abc….json    one record or mark; the name is the SHA-256 of its store key
 * data/subjects/d/ef/def…/abc…   an empty file for each session of a subject; folder by the SHA-256 of the subject
 * data/intents/….json            what must be finished after a crash
 * tmp/                           files on their way; nothing in it counts
 * trash/                         what `clear` moved aside
 * ```
 *
 * A file's modification time is the instant at which it expires, so that a sweep opens only what it will remove. It is
 * a hint: the content decides.
 */
export interface Shelf {
  readonly disk: Disk
  readonly paths: Paths
  /** Undefined when there is no file; rejects with `undecodable` when it is damaged. */
  read(hash: string): Promise<Entry | undefined>
  /** Puts the entry in place of what is there; a crash leaves the one or the other. */
  write(entry: Entry, durability: Durability): Promise<void>
  remove(hash: string, durability: Durability): Promise<boolean>
  addMarker(subject: string, hash: string, durability: Durability): Promise<void>
  removeMarker(subject: string, hash: string): Promise<void>
  /** Hashes of the sessions that the subject may have; each must be looked at. */
  markersOf(subject: string): Promise<readonly string[]>
  /** Places a text under a name in one step. */
  place(path: string, text: string, options: WriteOptions): Promise<void>
  /** Removes what killed processes left on the way. */
  clearTemporary(): Promise<void>
}

export interface Paths {
  readonly root: string
  readonly data: string
  readonly records: string
  readonly intents: string
  readonly temporary: string
  readonly trash: string
  recordOf(hash: string): string
  subjectOf(subject: string): string
}

export function pathsIn(root: string): Paths {
  const data = join(root, 'data')
  const records = join(data, 'records')
  // 4096 folders: 250 files in each at a million sessions.
  const spread = (base: string, hash: string): string => join(base, hash.slice(0, 1), hash.slice(1, 3), hash)
  return {
    root,
    data,
    records,
    intents: join(data, 'intents'),
    temporary: join(root, 'tmp'),
    trash: join(root, 'trash'),
    recordOf: (hash) => `${spread(records, hash)}.json`,
    subjectOf: (subject) => spread(join(data, 'subjects'), hashOf(subject)),
  }
}

export function shelf(root: string, disk: Disk): Shelf {
  const paths = pathsIn(root)
  const temporary = temporaryNames(paths.temporary, disk)
  const place = async (path: string, text: string, options: WriteOptions): Promise<void> => {
    await temporary.use(async (temporaryPath) => {
      await inFolder(disk, temporaryPath, 'cheap', () => disk.create(temporaryPath, text, options))
      await inFolder(disk, path, durabilityOf(options), () => disk.rename(temporaryPath, path))
    })
    if (options.isDurable) await disk.syncFolder(dirname(path))
  }
  return {
    disk,
    paths,
    place,
    read: (hash) => read(disk, paths, hash),
    write: (entry, durability) =>
      place(paths.recordOf(hashOf(entry.key)), encodeEntry(entry), {
        isDurable: durability === 'durable',
        modifiedAt: entry.value.expiresAt,
      }),
    async remove(hash, durability) {
      const path = paths.recordOf(hash)
      const wasThere = await disk.unlink(path)
      if (wasThere && durability === 'durable') await disk.syncFolder(dirname(path))
      return wasThere
    },
    addMarker: (subject, hash, durability) => addMarker(disk, paths.subjectOf(subject), hash, durability),
    async removeMarker(subject, hash) {
      const folder = paths.subjectOf(subject)
      await disk.unlink(join(folder, hash))
      await disk.removeFolder(folder)
    },
    markersOf: async (subject) => (await disk.list(paths.subjectOf(subject))).files.filter((name) => HASH.test(name)),
    clearTemporary: temporary.clear,
  }
}

const HASH = /^[0-9a-f]{64}$/

async function read(disk: Disk, paths: Paths, hash: string): Promise<Entry | undefined> {
  const text = await disk.read(paths.recordOf(hash))
  if (text === undefined) return undefined
  try {
    const entry = decodeEntry(text)
    // A file under another's name would give one visitor the session of another.
    if (hashOf(entry.key) !== hash) throw damaged('has the name of another')
    return entry
  } catch (error) {
    throw damaged(`cannot be read: ${hash}.json; delete it, or let a sweep remove it when it expires`, error)
  }
}

async function addMarker(disk: Disk, folder: string, hash: string, durability: Durability): Promise<void> {
  const path = join(folder, hash)
  if (!(await disk.exists(path))) {
    await inFolder(disk, path, durability, () => disk.create(path, '', { isDurable: false }))
  }
  if (durability === 'durable') await disk.syncFolder(folder)
}

/** Folders come into being when they are needed, and another call may remove one that is empty at any moment. */
async function inFolder<Result>(
  disk: Disk,
  path: string,
  durability: Durability,
  fn: () => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fn()
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || attempt === 10) throw error
      await makeFolder(disk, dirname(path), durability)
    }
  }
}

async function makeFolder(disk: Disk, path: string, durability: Durability): Promise<void> {
  const first = await disk.makeFolder(path)
  if (first === undefined || durability === 'cheap') return
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) {
    await disk.syncFolder(dirname(folder))
  }
}

function durabilityOf({ isDurable }: WriteOptions): Durability {
  return isDurable ? 'durable' : 'cheap'
}

interface TemporaryNames {
  readonly use: (fn: (path: string) => Promise<void>) => Promise<void>
  readonly clear: () => Promise<void>
}

function temporaryNames(folder: string, disk: Disk): TemporaryNames {
  const run = randomBytes(8).toString('hex')
  const inUse = new Set<string>()
  let count = 0
  return {
    async use(fn) {
      const name = `${run}-${++count}`
      inUse.add(name)
      try {
        await fn(join(folder, name))
      } catch (error) {
        // The first error counts; what stays is removed at the next start or sweep.
        await disk.unlink(join(folder, name)).catch(() => false)
        throw error
      } finally {
        inUse.delete(name)
      }
    },
    async clear() {
      const { files } = await disk.list(folder)
      for (const name of files) if (!inUse.has(name)) await disk.unlink(join(folder, name))
    },
  }
}
