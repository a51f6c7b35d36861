// `npm run runtimes` runs on all of them, `npm run runtimes "node 20" bun` on those that are named.
import { buildGate, buildIsStale } from './lib/build.ts'
import { runRuntimeTests } from './lib/runtimes.ts'
import { Tally } from './lib/tally.ts'

const tally = new Tally()
if (buildIsStale()) await tally.gate(buildGate)
await runRuntimeTests(tally, process.argv.slice(2))
tally.end()
