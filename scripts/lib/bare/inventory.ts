import { existsSync, globSync, lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onPath, partNames, programsOf } from '../../parts.ts'

/** What is on a machine before a run. */
export interface Inventory {
  readonly debianPackages: number
  /** Programs of scripts/parts.ts, by file name. */
  readonly there: readonly string[]
  readonly absent: readonly string[]
}

// `ca-certificates`, without which no package can be fetched, depends on it.
const COMES_WITH_CERTIFICATES = 'openssl'
const folders = ['usr/local/sbin', 'usr/local/bin', 'usr/sbin', 'usr/bin', 'usr/lib/postgresql/*/bin']

/** What is below a folder that holds a whole system; of this machine itself when there is none. */
export function inventoryOf(system?: string): Inventory {
  const where = system === undefined ? onPath : (program: string) => within(system, program)
  const programs = partNames.flatMap((name) => programsOf(name, where))
  return {
    debianPackages: packagesIn(system ?? '/'),
    there: programs.flatMap(({ file, path }) => (path === undefined ? [] : [file])),
    absent: programs.flatMap(({ file, path }) => (path === undefined ? [file] : [])),
  }
}

/** Whether nothing is there that only a test run brings. */
export function isBare({ there }: Inventory): boolean {
  return there.every((file) => file === COMES_WITH_CERTIFICATES)
}

export function wordsOf({ debianPackages, there, absent }: Inventory): string {
  const known = there.length === 0 ? 'none' : there.join(', ')
  return (
    `${debianPackages} Debian packages. Of the ${there.length + absent.length} programs that the tests call there are ` +
    `${known} (${COMES_WITH_CERTIFICATES} comes with the certificates). Absent: ${absent.join(', ') || 'none'}.`
  )
}

function within(system: string, program: string): string | undefined {
  return folders
    .flatMap((folder) => globSync(join(system, folder)))
    .map((folder) => join(folder, program))
    .find(isEntry)
}

/** Without following links: from outside, an absolute one leads into the wrong system. */
function isEntry(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

function packagesIn(system: string): number {
  const file = join(system, 'var/lib/dpkg/status')
  // Elsewhere than on Debian there are none.
  const status = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return status.match(/^Status: install ok installed$/gm)?.length ?? 0
}
