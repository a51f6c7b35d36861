import { run } from './lib/run.ts'
import { runUnitTests } from './lib/unit.ts'

const args = process.argv.slice(2)
// A run of some tests leaves no report: `npm run rows` would take it for all of them.
process.exitCode = args.length === 0 ? await runUnitTests() : (await run('vitest', ['run', ...args])).code
