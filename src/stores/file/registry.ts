import { closeSync, fsyncSync, mkdirSync, openSync, realpathSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isSessionError, SessionError } from '../../core/errors.ts'
import type { Directory } from './directory.ts'
import { directoryAt } from './directory.ts'
import { codeOf, FOLDER_MODE, nodeDisk } from './disk.ts'
import type { Ownership } from './owner.ts'
import { takeOwnership } from './owner.ts'
import { pathsIn } from './shelf.ts'

declare global {
  /**
   * Directories in use by this process. Global, because a hot reload runs this file a second time, and both copies must
   * lock the same sessions. A change of what is in it needs another name: two versions may run side by side.
   */
  var sojournFileDirectories2: Map<string, Held> | undefined
}

interface Held {
  readonly directory: Directory
  readonly ownership: Ownership
  users: number
}

/** One store's share in a directory. */
export interface Claim {
  readonly directory: Directory
  readonly isHeld: () => boolean
  /** Gives the share back; the last one gives the directory free. */
  readonly release: () => Promise<void>
}

/**
 * Makes the directory and takes ownership of it, or shares the one that this process has.
 *
 * @throws SessionError `store-unavailable` when it cannot be made, written, or is in use by another process.
 */
export function claimDirectory(path: string): Claim {
  const directories = (globalThis.sojournFileDirectories2 ??= new Map<string, Held>())
  const root = makeDirectory(path)
  const held = directories.get(root) ?? open(root)
  directories.set(root, held)
  held.users++
  return {
    directory: held.directory,
    isHeld: () => held.ownership.isHeld(),
    async release() {
      if (--held.users > 0) return
      if (directories.get(root) === held) directories.delete(root)
      held.ownership.release()
      await held.directory.stop()
    },
  }
}

function makeDirectory(path: string): string {
  return orUnusable(path, () => {
    makeFolder(path)
    const root = realpathSync(path)
    makeFolder(pathsIn(root).temporary)
    return root
  })
}

/** Durable with all folders above it: else a power cut could take every session with them. */
function makeFolder(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: FOLDER_MODE })
  if (first === undefined || process.platform === 'win32') return
  for (let folder = resolve(path); folder.length >= first.length; folder = dirname(folder)) {
    const above = openSync(dirname(folder), 'r')
    try {
      fsyncSync(above)
    } finally {
      closeSync(above)
    }
  }
}

function open(root: string): Held {
  return orUnusable(root, () => {
    const ownership = takeOwnership(root, pathsIn(root).temporary)
    return { directory: directoryAt(root, nodeDisk), ownership, users: 0 }
  })
}

/** At start, not on the first visitor. */
function orUnusable<Result>(path: string, fn: () => Result): Result {
  try {
    return fn()
  } catch (error) {
    if (isSessionError(error)) throw error
    const reason = codeOf(error) ?? 'unknown error'
    const remedy = 'give the user of this process the right to write there, or name another directory'
    const message = `file: the directory ${resolve(path)} cannot be made or written (${reason}); ${remedy}`
    throw new SessionError('store-unavailable', message, { cause: error })
  }
}
