import { existsSync, globSync, mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Gate } from './gate.ts'
import { cacheFolder, inProject, root } from './project.ts'
import { run } from './run.ts'

const stamp = join(cacheFolder, 'built')

/** Builds src into dist and resolves the compiler's exit code. */
export async function buildPackage(): Promise<number> {
  // A file that was renamed in src must not live on in the package.
  rmSync(inProject('dist'), { recursive: true, force: true })
  rmSync(stamp, { force: true })
  const startedAt = new Date()
  const { code } = await run('tsc', ['-p', 'tsconfig.build.json'])
  if (code === 0) markBuilt(startedAt)
  return code
}

/** The time when the compiler started: a file that changes while it runs makes the build stale. */
function markBuilt(startedAt: Date): void {
  mkdirSync(cacheFolder, { recursive: true })
  writeFileSync(stamp, '')
  utimesSync(stamp, startedAt, startedAt)
}

/** The build as one check among others. */
export const buildGate: Gate = {
  name: 'build',
  async run() {
    return (await buildPackage()) === 0 ? 'passed' : { failed: 'the compiler refused the sources' }
  },
}

/** Whether a source file or the compiler's settings changed after the last build that succeeded. */
export function buildIsStale(): boolean {
  const built = statSync(stamp, { throwIfNoEntry: false })
  if (built === undefined || !existsSync(inProject('dist'))) return true
  const inputs = globSync(['src/**/*.ts', 'tsconfig.base.json', 'tsconfig.build.json'], { cwd: root })
  return inputs.some((file) => statSync(inProject(file)).mtimeMs > built.mtimeMs)
}
