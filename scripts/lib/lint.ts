import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './project.ts'

/** What oxlint is told: it judges by types, which the servers of the benchmark have only beside their own packages. */
export function lintArguments(): string[] {
  return existsSync(join(root, 'bench/node_modules')) ? [] : ['--ignore-pattern=bench/servers']
}
