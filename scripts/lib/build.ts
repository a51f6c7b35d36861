import { globSync, rmSync, statSync } from 'node:fs'
import type { Gate } from './gate.ts'
import { inProject, root } from './project.ts'
import { run } from './run.ts'

/** Builds src into dist and resolves the compiler's exit code. */
export async function buildPackage(): Promise<number> {
  // A file that was renamed in src must not live on in the package.
  rmSync(inProject('dist'), { recursive: true, force: true })
  return (await run('tsc', ['-p', 'tsconfig.build.json'])).code
}

/** The build as one check among others. */
export const buildGate: Gate = {
  name: 'build',
  async run() {
    return (await buildPackage()) === 0 ? 'passed' : { failed: 'the compiler refused the sources' }
  },
}

/** Whether a source file or the compiler's settings changed after the last build. */
export function buildIsStale(): boolean {
  const built = statSync(inProject('dist', 'index.js'), { throwIfNoEntry: false })
  if (built === undefined) return true
  const inputs = globSync(['src/**/*.ts', 'tsconfig.base.json', 'tsconfig.build.json'], { cwd: root })
  return inputs.some((file) => statSync(inProject(file)).mtimeMs > built.mtimeMs)
}
