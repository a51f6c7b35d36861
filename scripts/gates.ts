// `npm run gates` makes all checks, `npm run gates size docs` those that are named.
import { buildIsStale, buildPackage } from './lib/build.ts'
import { gates } from './lib/gates.ts'
import { Tally } from './lib/tally.ts'

const names = process.argv.slice(2)
const unknown = names.filter((name) => !(name in gates))
if (unknown.length > 0) {
  console.error(`gates: no gate ${unknown.join(', ')}; there are ${Object.keys(gates).join(', ')}`)
  process.exit(2)
}
if (buildIsStale() && (await buildPackage()) !== 0) process.exit(1)

const tally = new Tally()
for (const [name, gate] of Object.entries(gates)) {
  if (names.length === 0 || names.includes(name)) await tally.gate(gate)
}
tally.end()
