import { existsSync, readFileSync } from 'node:fs'
import { type Gate, verdict } from '../lib/gate.ts'
import { inProject, readJson } from '../lib/project.ts'

interface Lock {
  packages: Record<string, { optionalDependencies?: Record<string, string> }>
}

const LOCKS = [
  'package-lock.json',
  'bench/package-lock.json',
  'test/consumers/package-lock.json',
  'test/runtimes/package-lock.json',
  'test/fronts/nitro/package-lock.json',
]

/** The lock files hold for any registry, with versions and hashes but no address, and for any platform. */
export const lockGate: Gate = {
  name: 'lock files are complete and hold no address',
  async run() {
    return verdict(
      LOCKS.flatMap((lock) =>
        existsSync(inProject(lock)) ? [...addressesIn(lock), ...gapsIn(lock)] : [`${lock} is missing`],
      ),
    )
  },
}

function addressesIn(lock: string): string[] {
  return readFileSync(inProject(lock), 'utf8')
    .split('\n')
    .flatMap((line, index) => (/"resolved"|registry\./.test(line) ? [`${lock}:${index + 1}: ${line.trim()}`] : []))
}

/** npm leaves out optional packages that a registry does not have, and `npm ci` then refuses the lock file everywhere. */
function gapsIn(lock: string): string[] {
  const { packages } = readJson(lock) as Lock
  const locked = new Set(Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)))
  return Object.entries(packages)
    .flatMap(([path, entry]) => Object.keys(entry.optionalDependencies ?? {}).map((name) => ({ path, name })))
    .filter(({ name }) => !locked.has(name))
    .map(({ path, name }) => `${lock}: ${path} may need ${name}, which is not locked`)
}
