import { lstatSync, mkdirSync, mkdtempSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { guard, type Guard } from '../../servers/guard.ts'

/** Where bare systems are kept, for this user alone. */
export function workFolder(): string {
  // Not `os.tmpdir()`: on many systems that is memory, and mounted so that no system can be made in it.
  const folder = join(process.env['TMPDIR'] ?? '/var/tmp', 'sojourn-bare')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { uid, mode } = lstatSync(folder)
  // The name is known: another user could have been first, and would own the system that root then runs.
  if (uid !== process.getuid?.() || (mode & 0o077) !== 0) throw new Error(`${folder} is not this user's alone`)
  return folder
}

/** Gives a new folder, and the guard that removes it when `use` or this process ends, whatever ends it. */
export async function withFolder<T>(use: (folder: string, keeper: Guard) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(workFolder(), 'run-'))
  const keeper = guard(folder, 'SIGKILL')
  const interrupted = (signal: NodeJS.Signals): void => {
    void keeper.release().then(() => process.exit(128 + constants.signals[signal]))
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.once(signal, interrupted)
  try {
    return await use(folder, keeper)
  } finally {
    await keeper.release()
    for (const signal of signals) process.off(signal, interrupted)
  }
}
