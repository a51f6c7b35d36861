import { run } from './lib/run.ts'

const { code } = await run('vitest', ['run', ...process.argv.slice(2)])
process.exitCode = code
