import { warn } from '#platform'
import type { Clock } from '../core/clock.ts'
import { assertOption, checkClock, checkFunction, checkNames, optionNames } from '../core/options.ts'
import { claimDirectory } from './file/registry.ts'
import type { FileStore } from './file/store.ts'
import { storeOver } from './file/store.ts'
import { looseFolder } from './shared/modes.ts'

export type { FileStore } from './file/store.ts'

/** Options of {@link fileStore}. */
export interface FileStoreOptions {
  /** Made, for this user alone, when it is missing. One process owns it. */
  readonly directory: string
  /** @defaultValue `Date.now` */
  readonly now?: Clock
  /**
   * Is told when a directory that was there before lets every user of the machine replace the sessions in it.
   * @defaultValue a warning of the runtime
   */
  readonly onWarning?: (message: string) => void
}

const NAMES = optionNames<FileStoreOptions>({ directory: true, now: true, onWarning: true })

/**
 * Keeps each session in a file of its own, for one process on one machine; sessions outlive a restart.
 *
 * **Names.** A file is named by the SHA-256 of the store key in lower-case hexadecimal digits, so that no text from
 * outside becomes part of a path and no disk confuses two keys. A user's sessions are found by empty marker files in a
 * folder named by the SHA-256 of the subject; a marker is made before its record and removed after it, so that every
 * live session is listed, and one that leads to nothing is removed when it is met.
 *
 * **Atomic.** A file is written elsewhere and renamed into its place: a crash leaves the old content or the new. Keys
 * and subjects are locked in this process, and only one process owns the directory. Two stores on the same directory in
 * one process (after a hot reload) share all locks.
 *
 * **Rotation** changes two files. First an intent with the whole new record is written and made durable: from here on
 * the rotation happens. Then the new record is written and made durable, then the old one is removed or replaced by its
 * mark, then the intent is removed. A start after a crash reads the intents before anything else: where the old record
 * is still at the intent's version it repeats the steps, and otherwise they were done. So there is never more than one
 * live session, and never none. Ending all sessions of a user works in the same way.
 *
 * **Durable** before the answer are insert, rotate, delete and clear, also against a power cut. An update or touch is
 * in the hands of the operating system: it outlives the process, but a power cut may undo it (and on file systems that
 * may rename before they write, damage the file, which is then reported as `undecodable`).
 *
 * **Expiry.** A file's modification time is the instant at which its record expires, so a sweep opens only what it
 * removes; the content decides. A sweep goes on where the last one stopped and looks at a bounded number of files.
 *
 * **Owner.** A second live process is refused; the directory of a process that was killed is free at once on the same
 * machine, and after half a minute on another one.
 *
 * @throws TypeError for wrong options, and without a directory.
 * @throws SessionError `store-unavailable` when the directory cannot be made or written, or another process uses it.
 */
export function fileStore(options: FileStoreOptions): FileStore {
  checkNames('fileStore', options, NAMES)
  const { directory, now = Date.now, onWarning = warn } = options
  assertOption(
    typeof directory === 'string' && directory !== '',
    "fileStore: directory: expected a path, such as './sessions'",
  )
  checkClock('fileStore: now', now)
  checkFunction('fileStore: onWarning', onWarning, 'that is given a text')
  const claim = claimDirectory(directory)
  const flaw = looseFolder(directory)
  if (flaw !== undefined) onWarning(`file: ${flaw}`)
  return storeOver(claim, now)
}
