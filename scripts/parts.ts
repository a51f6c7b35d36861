import { closeSync, existsSync, globSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { installDebianPackage } from './lib/debian.ts'

/** A program outside the package that some tests, or the benchmark, use. */
export type PartName = keyof typeof parts

export type Part = { readonly path: string } | { readonly missing: string }

const parts = {
  chromium: { programs: ['chromium', 'chromium-browser', 'google-chrome'], debianPackage: 'chromium' },
  sqlite3: { programs: ['sqlite3'], debianPackage: 'sqlite3' },
  openssl: { programs: ['openssl'], debianPackage: 'openssl' },
  curl: { programs: ['curl'], debianPackage: 'curl' },
  python3: { programs: ['python3'], debianPackage: 'python3' },
  postgres: { programs: ['postgres'], debianPackage: 'postgresql' },
  // Without the system service that `mariadb-server` adds to it.
  mariadb: { programs: ['mariadbd'], debianPackage: 'mariadb-server-core' },
  redis: { programs: ['redis-server'], debianPackage: 'redis-server' },
  pgbouncer: { programs: ['pgbouncer'], debianPackage: 'pgbouncer' },
  wrk: { programs: ['wrk'], debianPackage: 'wrk' },
} as const

const lockPath = join(tmpdir(), 'sojourn-parts.lock')
const STALE_LOCK_MS = 15 * 60_000
/** Where Debian keeps servers, which are not on everybody's path. */
const serverFolders = ['/usr/lib/postgresql/*/bin', '/usr/sbin']

/** Where the program is; installed from Debian first when it is absent and this process may do so. */
export async function ensurePart(name: PartName): Promise<Part> {
  const found = find(name)
  if (found !== undefined) return { path: found }
  if (process.getuid?.() !== 0) return { missing: `${name} is not installed, and only root can install it` }
  if (!onPath('apt-get')) return { missing: `${name} is not installed, and this system has no apt-get` }
  return await withLock(() => {
    // Another process may have installed it while this one waited.
    const path = find(name) ?? install(name)
    return path === undefined ? { missing: `${name} could not be installed` } : { path }
  })
}

/** Makes these parts ready, so that no test's own time limit pays for an installation. */
export async function prepareParts(names: readonly PartName[]): Promise<void> {
  for (const name of names) {
    const part = await ensurePart(name)
    if ('missing' in part) console.error(`parts: ${part.missing}`)
  }
}

function find(name: PartName): string | undefined {
  return parts[name].programs.map(onPath).find((path) => path !== undefined)
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

function install(name: PartName): string | undefined {
  installDebianPackage(parts[name].debianPackage)
  return find(name)
}

/** Test workers and whole test runs share one machine, and apt refuses a second caller instead of waiting. */
async function withLock<T>(fn: () => T): Promise<T> {
  while (!tryLock()) await sleep(250)
  try {
    return fn()
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
