// `npm run faults`: the fault campaign, as docs/reliability.md describes it. `--store postgres` for one store alone,
// `--operations 5000` for a shorter one, `--seed 1` to make the choices of another run again, `--history <file>` to keep
// what the visitors saw.
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { campaign } from '../test/faults/campaign.ts'
import { wordsOf } from '../test/faults/print.ts'
import { rigs } from '../test/faults/rigs/rigs.ts'

const { values } = parseArgs({
  options: {
    store: { type: 'string', multiple: true },
    operations: { type: 'string', default: '100000' },
    seed: { type: 'string' },
    history: { type: 'string' },
    quiet: { type: 'boolean', default: false },
  },
})
const WHOLE = 100_000
const seed = Number(values.seed ?? randomInt(2 ** 31))
const operations = Number(values.operations)
const chosen = values.store ?? Object.keys(rigs)
const unknown = chosen.filter((name) => rigs[name] === undefined)
if (unknown.length > 0 || !Number.isSafeInteger(seed) || !(operations >= 1)) {
  console.error(`faults: --store is one of ${Object.keys(rigs).join(', ')}; --operations and --seed are numbers`)
  process.exit(2)
}

// What a campaign leaves in the system it removes at the end of the process, which a signal would skip.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

console.log(`faults: ${operations} operations for each of ${chosen.join(', ')}; --seed ${seed}`)
for (const name of chosen) {
  const report = await campaign({
    makeRig: rigs[name]!,
    seed,
    operations,
    share: operations / WHOLE,
    ...(values.history !== undefined && { keepHistory: values.history }),
    ...(!values.quiet && { tell: (line: string) => console.log(`  ${name}: ${line}`) }),
  })
  console.log(wordsOf(report))
  if (report.findings.length > 0) process.exitCode = 1
}
