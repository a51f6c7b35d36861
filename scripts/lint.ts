import { lintArguments } from './lib/lint.ts'
import { run } from './lib/run.ts'

const { code } = await run('oxlint', [...lintArguments(), ...process.argv.slice(2)])
process.exitCode = code
