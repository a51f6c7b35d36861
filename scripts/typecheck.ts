import { run } from './lib/run.ts'
import { typecheckProjects } from './lib/typecheck.ts'

for (const project of typecheckProjects) {
  const { code } = await run('tsc', ['--noEmit', '-p', project])
  if (code !== 0) process.exitCode = 1
}
