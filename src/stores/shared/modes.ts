import { statSync } from 'node:fs'

const OTHERS_READ = 0o004
const OTHERS_WRITE = 0o002
const STICKY = 0o1000

/**
 * What is wrong with the rights on a file that holds sessions; undefined when it is for its owner, or for a group. One
 * that was there before the store keeps the rights that somebody gave it.
 */
export function looseFile(path: string): string | undefined {
  const mode = modeOf(path)
  if ((mode & (OTHERS_READ | OTHERS_WRITE)) === 0) return undefined
  const may = (mode & OTHERS_WRITE) === 0 ? 'read' : 'change'
  return `every user of this machine may ${may} the sessions in ${path}; take that right away: chmod o-rwx`
}

/** The same for the folder they are in. Where others may write, they may put a file of their own in the place of one. */
export function looseFolder(path: string): string | undefined {
  const mode = modeOf(path)
  if ((mode & OTHERS_WRITE) === 0 || (mode & STICKY) !== 0) return undefined
  return `every user of this machine may replace the sessions in the folder ${path}; take that right away: chmod o-w`
}

// Windows has other rights, of which the mode tells nothing; and what is not there is not loose.
function modeOf(path: string): number {
  return process.platform === 'win32' ? 0 : (statSync(path, { throwIfNoEntry: false })?.mode ?? 0)
}
