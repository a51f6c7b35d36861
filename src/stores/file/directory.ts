import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Disk } from './disk.ts'
import { recover } from './journal.ts'
import type { Gate, Locks } from './locks.ts'
import { gate, locks } from './locks.ts'
import type { Watchers } from '../shared/watchers.ts'
import { createWatchers } from '../shared/watchers.ts'
import type { Shelf } from './shelf.ts'
import { shelf } from './shelf.ts'
import type { Position } from './walk.ts'

/** One directory in use by this process: its files, and what all stores over it must share. */
export interface Directory {
  readonly shelf: Shelf
  /** By hash of a key, and by `subjectLock`. Who needs both takes the subject first. */
  readonly locks: Locks
  /** Every call goes through it, so that `clear` can move everything aside at one moment. */
  readonly gate: Gate
  /** Who is to hear of endings. */
  readonly watchers: Watchers
  /** Where the sweep stands; undefined between two passes. */
  sweepPosition: Position | undefined
  /** Finishes what a crash interrupted. Called before anything else; works once, and again after it failed. */
  ready(): Promise<void>
  /** Moves everything aside as one step. */
  clear(): Promise<void>
  /** Removes in the background what `clear` moved aside. */
  emptyTrash(): void
  /** Ends the background work; the next start or sweep goes on with it. */
  stop(): Promise<void>
}

export function directoryAt(root: string, disk: Disk): Directory {
  const files = shelf(root, disk)
  const trash = trashCan(files)
  let recovery: Promise<void> | undefined
  return {
    shelf: files,
    locks: locks(),
    gate: gate(),
    watchers: createWatchers(),
    sweepPosition: undefined,
    ready() {
      recovery ??= start(files).then(trash.empty, (error: unknown) => {
        recovery = undefined
        throw error
      })
      return recovery
    },
    clear: () => clear(files),
    emptyTrash: trash.empty,
    stop: trash.stop,
  }
}

export function subjectLock(subject: string): string {
  return `subject:${subject}`
}

async function start(files: Shelf): Promise<void> {
  await recover(files)
  await files.clearTemporary()
}

async function clear({ disk, paths }: Shelf): Promise<void> {
  await disk.makeFolder(paths.data)
  await disk.makeFolder(paths.trash)
  await disk.rename(paths.data, join(paths.trash, randomBytes(8).toString('hex')))
  await disk.syncFolder(paths.root)
}

interface TrashCan {
  readonly empty: () => void
  readonly stop: () => Promise<void>
}

/** One file after the other: a million of them must not take the disk from the requests that run. */
function trashCan({ disk, paths }: Shelf): TrashCan {
  let work: Promise<void> | undefined
  let isStopped = false
  const removeFolder = async (path: string): Promise<void> => {
    const { files, folders } = await disk.list(path)
    for (const name of folders) await removeFolder(join(path, name))
    for (const name of files) {
      if (isStopped) return
      await disk.unlink(join(path, name))
    }
    if (!isStopped) await disk.removeFolder(path)
  }
  const removeAll = async (): Promise<void> => {
    for (const name of (await disk.list(paths.trash)).folders) await removeFolder(join(paths.trash, name))
  }
  return {
    empty() {
      isStopped = false
      // A failure costs space only, and the next start or sweep tries again.
      work ??= removeAll()
        .catch(() => undefined)
        .finally(() => {
          work = undefined
        })
    },
    async stop() {
      isStopped = true
      await work
    },
  }
}
