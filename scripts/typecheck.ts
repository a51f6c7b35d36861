import { typecheck, typecheckProjects } from './lib/typecheck.ts'

for (const project of typecheckProjects) {
  if ((await typecheck(project)) !== 0) process.exitCode = 1
}
