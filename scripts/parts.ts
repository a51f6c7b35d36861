import { closeSync, existsSync, globSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { installDebianPackages } from './lib/debian.ts'

/** What some tests, or the benchmark, use from outside the package: one program, or several that belong together. */
export type PartName = keyof typeof parts

/** Where the part is, or why it is not there. */
export type Part<N extends PartName = PartName> =
  | {
      /** Its first program. */
      readonly path: string
      readonly paths: Readonly<Record<ProgramOf<N>, string>>
    }
  | { readonly missing: string }

type ProgramOf<N extends PartName> = keyof (typeof parts)[N]['programs'] & string

// Every program that is called, also by one of the others: half a part would fail in the middle of a test. Each with the
// file names that it may have.
const parts = {
  chromium: {
    programs: { chromium: ['chromium', 'chromium-browser', 'google-chrome'] },
    packages: ['chromium'],
  },
  sqlite3: { programs: { sqlite3: ['sqlite3'] }, packages: ['sqlite3'] },
  openssl: { programs: { openssl: ['openssl'] }, packages: ['openssl'] },
  curl: { programs: { curl: ['curl'] }, packages: ['curl'] },
  python3: { programs: { python3: ['python3'] }, packages: ['python3'] },
  postgres: { programs: { postgres: ['postgres'], initdb: ['initdb'] }, packages: ['postgresql'] },
  mariadb: {
    programs: {
      mariadbd: ['mariadbd'],
      installer: ['mariadb-install-db'],
      // The installer, a script, calls these two.
      defaults: ['my_print_defaults'],
      resolver: ['resolveip'],
    },
    // Without the system service that `mariadb-server` adds to them.
    packages: ['mariadb-server-core', 'mariadb-client-core'],
  },
  redis: {
    programs: { server: ['redis-server'], cli: ['redis-cli'] },
    packages: ['redis-server', 'redis-tools'],
  },
  pgbouncer: { programs: { pgbouncer: ['pgbouncer'] }, packages: ['pgbouncer'] },
  debootstrap: { programs: { debootstrap: ['debootstrap'] }, packages: ['debootstrap'] },
  wrk: { programs: { wrk: ['wrk'] }, packages: ['wrk'] },
} as const

/** All of them. */
export const partNames = Object.keys(parts) as readonly PartName[]

const lockPath = join(tmpdir(), 'sojourn-parts.lock')
const STALE_LOCK_MS = 15 * 60_000
/** Where Debian keeps servers, which are not on everybody's path. */
const serverFolders = ['/usr/lib/postgresql/*/bin', '/usr/sbin']

/** Where the part is; what it lacks is installed from Debian first when this process may do so. */
export async function ensurePart<N extends PartName>(name: N): Promise<Part<N>> {
  const found = find(name)
  if ('path' in found) return found
  if (process.getuid?.() !== 0) return { missing: `${found.missing}, and only root can install it` }
  if (onPath('apt-get') === undefined) return { missing: `${found.missing}, and this system has no apt-get` }
  return await withLock(async () => {
    // Another process may have installed it while this one waited.
    if ('missing' in find(name)) await installDebianPackages(parts[name].packages)
    const after = find(name)
    return 'path' in after ? after : { missing: `${after.missing}, and could not be installed` }
  })
}

/** Makes these parts ready, so that no test's own time limit pays for an installation. */
export async function prepareParts(names: readonly PartName[]): Promise<void> {
  for (const name of names) {
    const part = await ensurePart(name)
    if ('missing' in part) console.error(`parts: ${part.missing}`)
  }
}

/** The files of the part's programs, by the name that each has here; without a path where it is not on this machine. */
export function programsOf(
  name: PartName,
  where: Where = onPath,
): readonly { file: string; path: string | undefined }[] {
  return Object.values<readonly string[]>(parts[name].programs).map((files) => {
    const file = files.find((each) => where(each) !== undefined) ?? files[0] ?? ''
    return { file, path: where(file) }
  })
}

type Where = (program: string) => string | undefined

/** Whether all of the part's programs are on this machine. */
export function find<N extends PartName>(name: N, where: Where = onPath): Part<N> {
  const programs = programsOf(name, where)
  const absent = programs.filter(({ path }) => path === undefined).map(({ file }) => file)
  const [first] = programs
  if (first?.path === undefined || absent.length > 0) {
    const lacks = absent.includes(name) ? '' : ` as a whole (${absent.join(', ')})`
    return { missing: `${name} is not installed${lacks}` }
  }
  const keys = Object.keys(parts[name].programs)
  const paths: Record<string, string | undefined> = {}
  for (const [index, key] of keys.entries()) paths[key] = programs[index]?.path
  return { path: first.path, paths: paths as Record<ProgramOf<N>, string> }
}

/** Where a program is, on the path or where Debian keeps servers. */
export function onPath(program: string): string | undefined {
  return [...(process.env['PATH'] ?? '').split(delimiter), ...serverFolders.flatMap(newestFirst)]
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path))
}

function newestFirst(pattern: string): string[] {
  return globSync(pattern).toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))
}

/** Test workers and whole test runs share one machine, and apt refuses a second caller instead of waiting. */
async function withLock<T>(fn: () => Promise<T>): Promise<T> {
  while (!tryLock()) await sleep(250)
  try {
    return await fn()
  } finally {
    rmSync(lockPath, { force: true })
  }
}

function tryLock(): boolean {
  try {
    const file = openSync(lockPath, 'wx')
    writeSync(file, String(process.pid))
    closeSync(file)
    return true
  } catch {
    if (lockIsStale()) rmSync(lockPath, { force: true })
    return false
  }
}

function lockIsStale(): boolean {
  try {
    if (Date.now() - statSync(lockPath).mtimeMs > STALE_LOCK_MS) return true
    process.kill(Number(readFileSync(lockPath, 'utf8')), 0)
    return false
  } catch (error) {
    // The owner was killed. A lock that vanished or is not yet written says nothing.
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
