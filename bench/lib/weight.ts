import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What an application's `node_modules` gains. */
export interface Weight {
  readonly packages: number
  readonly bytes: number
}

const here = fileURLToPath(new URL('..', import.meta.url))

interface Manifest {
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** The packages, and all that they depend on, as they are installed beside the benchmark. */
export function weightOf(packages: readonly string[]): Weight {
  const folders = new Set<string>()
  for (const name of packages) collect(name, here, folders)
  return { packages: folders.size, bytes: [...folders].reduce((sum, folder) => sum + bytesIn(folder), 0) }
}

/** The version of a package that is installed beside the benchmark. */
export function versionOf(name: string): string {
  return manifestOf(join(here, 'node_modules', name)).version
}

function collect(name: string, from: string, folders: Set<string>): void {
  const folder = folderOf(name, from)
  // Optional ones for other platforms stay away.
  if (folder === undefined || folders.has(folder)) return
  folders.add(folder)
  const { dependencies, optionalDependencies } = manifestOf(folder)
  for (const next of Object.keys({ ...dependencies, ...optionalDependencies })) collect(next, folder, folders)
}

/** As Node looks for it: here, or further up. */
function folderOf(name: string, from: string): string | undefined {
  const folder = join(from, 'node_modules', name)
  if (existsSync(join(folder, 'package.json'))) return folder
  return from.startsWith(here) && from !== here ? folderOf(name, dirname(from)) : undefined
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

function bytesIn(folder: string): number {
  const files = globSync('**/*', { cwd: folder, exclude: (path) => path.includes('node_modules') })
  return files
    .map((file) => statSync(join(folder, file)))
    .reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0)
}
