import { access, mkdir, open, readdir, readFile, rename, rmdir, stat, unlink } from 'node:fs/promises'

/** The file-system calls of the file store: one object, so that a test can cut the power between any two of them. */
export interface Disk {
  /** The text of the file; undefined when there is none. */
  read(path: string): Promise<string | undefined>
  /** Makes a new file; fails when there is one. With `isDurable` its content outlives a power cut. */
  create(path: string, text: string, options: WriteOptions): Promise<void>
  /** Moves a file or folder, in one step, over the file that is at `to`. */
  rename(from: string, to: string): Promise<void>
  /** False when there was no such file. */
  unlink(path: string): Promise<boolean>
  /** Makes the folder and those above it; gives the first one that it had to make. */
  makeFolder(path: string): Promise<string | undefined>
  /** False when the folder is not empty or not there. */
  removeFolder(path: string): Promise<boolean>
  /** Names in the folder, sorted; none when it is not there. */
  list(path: string): Promise<Listing>
  /** Epoch milliseconds; undefined when there is no such file. */
  modifiedAt(path: string): Promise<number | undefined>
  exists(path: string): Promise<boolean>
  /** Makes the names in the folder outlive a power cut. */
  syncFolder(path: string): Promise<void>
}

export interface WriteOptions {
  readonly isDurable: boolean
  /** What the file's modification time is to say, in epoch milliseconds. */
  readonly modifiedAt?: number
}

export interface Listing {
  readonly files: readonly string[]
  readonly folders: readonly string[]
}

/** Only the user who runs the program may look: session data is in the files. */
export const FOLDER_MODE = 0o700
export const FILE_MODE = 0o600

/** Later instants do not fit every file system. A time that is too early costs a sweep one look into the file. */
const LATEST_SECONDS = 2 ** 31 - 1

export const nodeDisk: Disk = {
  read: (path) => orIfMissing(readFile(path, 'utf8'), undefined),
  create,
  rename,
  unlink: (path) => orIfMissing(done(unlink(path)), false),
  makeFolder: (path) => mkdir(path, { recursive: true, mode: FOLDER_MODE }),
  removeFolder: (path) => done(rmdir(path)).catch(falseFor('ENOENT', 'ENOTEMPTY', 'EEXIST')),
  list,
  modifiedAt: async (path) => (await orIfMissing(stat(path), undefined))?.mtimeMs,
  exists: (path) => orIfMissing(done(access(path)), false),
  syncFolder,
}

/** The system's code of an error, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

async function create(path: string, text: string, { isDurable, modifiedAt }: WriteOptions): Promise<void> {
  const file = await open(path, 'wx', FILE_MODE)
  try {
    await file.writeFile(text)
    if (modifiedAt !== undefined) {
      const seconds = Math.min(modifiedAt / 1000, LATEST_SECONDS)
      await file.utimes(seconds, seconds)
    }
    if (isDurable) await file.sync()
  } finally {
    await file.close()
  }
}

async function list(path: string): Promise<Listing> {
  const entries = await orIfMissing(readdir(path, { withFileTypes: true }), [])
  const names = (isFolder: boolean): readonly string[] =>
    entries
      .filter((entry) => entry.isDirectory() === isFolder)
      .map(({ name }) => name)
      .toSorted()
  return { files: names(false), folders: names(true) }
}

async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder, and keeps names by its own journal.
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function done(operation: Promise<unknown>): Promise<boolean> {
  await operation
  return true
}

async function orIfMissing<Result, Fallback>(
  operation: Promise<Result>,
  fallback: Fallback,
): Promise<Result | Fallback> {
  try {
    return await operation
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return fallback
    throw error
  }
}

function falseFor(...harmless: readonly string[]): (error: unknown) => false {
  return (error) => {
    if (harmless.includes(codeOf(error) ?? '')) return false
    throw error
  }
}
