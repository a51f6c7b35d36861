import { rmSync } from 'node:fs'
import { inProject } from './project.ts'
import { run } from './run.ts'

/** Builds src into dist and resolves the compiler's exit code. */
export async function buildPackage(): Promise<number> {
  // A file that was renamed in src must not live on in the package.
  rmSync(inProject('dist'), { recursive: true, force: true })
  return (await run('tsc', ['-p', 'tsconfig.build.json'])).code
}
