// `npm run runtimes` runs on all of them, `npm run runtimes "node 20" bun` on those that are named.
import { buildIsStale, buildPackage } from './lib/build.ts'
import { runRuntimeTests } from './lib/runtimes.ts'
import { Tally } from './lib/tally.ts'

if (buildIsStale() && (await buildPackage()) !== 0) process.exit(1)
const tally = new Tally()
await runRuntimeTests(tally, process.argv.slice(2))
tally.end()
