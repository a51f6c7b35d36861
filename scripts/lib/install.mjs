// Plain JavaScript: the bootstrap runs it on the machine's own Node, which may not understand types.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Installs what the folder's lock file names, unless exactly that is installed already. Returns whether it is there now.
 * @param {string} folder
 * @returns {boolean}
 */
export function installLocked(folder) {
  if (isInstalled(folder)) return true
  console.error('installing the locked dependencies')
  // One command string: npm is a script file on Windows, which only a shell can start.
  const { status } = spawnSync('npm ci --no-audit --no-fund', { cwd: folder, shell: true, stdio: ['ignore', 2, 2] })
  return status === 0
}

/**
 * By content, not by file times: a checkout that touches the lock must not wipe the packages of a running process.
 * @param {string} folder
 */
function isInstalled(folder) {
  const installed = packagesOf(join(folder, 'node_modules', '.package-lock.json'))
  const locked = packagesOf(join(folder, 'package-lock.json'))
  // Packages for other platforms are optional and stay away.
  return Object.entries(locked).every(
    ([path, entry]) => path === '' || entry.optional === true || installed[path]?.version === entry.version,
  )
}

/**
 * @typedef {{ version?: string, optional?: boolean }} LockedPackage
 * @param {string} lockFile
 * @returns {Record<string, LockedPackage>}
 */
function packagesOf(lockFile) {
  try {
    const lock = /** @type {{ packages: Record<string, LockedPackage> }} */ (JSON.parse(readFileSync(lockFile, 'utf8')))
    return lock.packages
  } catch {
    // npm writes its file at the end of an installation, so an interrupted one has none.
    return {}
  }
}
