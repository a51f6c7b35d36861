// `npm run gates` makes all checks, `npm run gates size docs` those that are named.
import { buildGate, buildIsStale } from './lib/build.ts'
import { gates } from './lib/gates.ts'
import { Tally } from './lib/tally.ts'

const names = process.argv.slice(2)
const unknown = names.filter((name) => !(name in gates))
if (unknown.length > 0) {
  console.error(`gates: no gate ${unknown.join(', ')}; there are ${Object.keys(gates).join(', ')}`)
  process.exit(2)
}
const tally = new Tally()
if (buildIsStale()) await tally.gate(buildGate)
for (const [name, gate] of Object.entries(gates)) {
  if (names.length === 0 || names.includes(name)) await tally.gate(gate)
}
tally.end()
