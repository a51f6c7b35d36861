import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

/** A program outside the package that some tests use. */
export type PartName = keyof typeof parts

export type Part = { readonly path: string } | { readonly missing: string }

const parts = {
  chromium: { programs: ['chromium', 'chromium-browser', 'google-chrome'], debianPackage: 'chromium' },
  sqlite3: { programs: ['sqlite3'], debianPackage: 'sqlite3' },
  openssl: { programs: ['openssl'], debianPackage: 'openssl' },
  curl: { programs: ['curl'], debianPackage: 'curl' },
  python3: { programs: ['python3'], debianPackage: 'python3' },
} as const

const lockPath = join(tmpdir(), 'sojourn-parts.lock')
const STALE_LOCK_MS = 15 * 60_000
let indexIsFresh = false

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

/** Makes ready every part that any test uses, so that no test's own time limit pays for an installation. */
export async function prepareParts(): Promise<void> {
  for (const name of Object.keys(parts) as PartName[]) {
    const part = await ensurePart(name)
    if ('missing' in part) console.error(`parts: ${part.missing}`)
  }
}

function find(name: PartName): string | undefined {
  return parts[name].programs.map(onPath).find((path) => path !== undefined)
}

function onPath(program: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path))
}

function install(name: PartName): string | undefined {
  if (!indexIsFresh) {
    apt(['update', '-qq'])
    indexIsFresh = true
  }
  console.error(`parts: installing ${parts[name].debianPackage}`)
  apt(['install', '-y', '-qq', '--no-install-recommends', parts[name].debianPackage])
  return find(name)
}

function apt(args: string[]): void {
  const { status, stderr } = spawnSync('apt-get', args, {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  })
  if (status !== 0) console.error(`parts: apt-get ${args.join(' ')} failed\n${stderr}`)
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
