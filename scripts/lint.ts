import { run } from './lib/run.ts'

const { code } = await run('oxlint', process.argv.slice(2))
process.exitCode = code
