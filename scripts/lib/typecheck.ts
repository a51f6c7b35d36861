import { run } from './run.ts'

/** The package as it is built; the core without any platform; everything with tests, scripts and examples. */
export const typecheckProjects = ['tsconfig.build.json', 'tsconfig.core.json', 'tsconfig.json']

/** Resolves the compiler's exit code. */
export async function typecheck(project: string): Promise<number> {
  return (await run('tsc', ['--noEmit', '-p', project])).code
}
