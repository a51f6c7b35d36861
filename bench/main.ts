// The benchmark; see README.md. Arguments: --quick, --only name,name, --rounds n.
import { parseArgs } from 'node:util'
import { ensurePart } from '../scripts/parts.ts'
import { runBenchmark } from './lib/benchmark.ts'
import { answersOf } from './report/results.ts'
import { sectionsOf } from './report/tables.ts'
import { writeReport } from './report/write.ts'
import { subjects } from './subjects.ts'

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' }, rounds: { type: 'string' } },
})
const only = values.only?.split(',')
const unknown = only?.filter((word) => !subjects.some(({ name }) => name.includes(word))) ?? []
if (unknown.length > 0) {
  console.error(
    `bench: nothing is called ${unknown.join(', ')}; there are ${subjects.map(({ name }) => name).join(', ')}`,
  )
  process.exit(2)
}
const wrk = await ensurePart('wrk')
if ('missing' in wrk) {
  console.error(`bench: ${wrk.missing}`)
  process.exit(1)
}
const isFull = !values.quick && only === undefined
const results = await runBenchmark({
  wrk: wrk.path,
  isQuick: values.quick,
  only,
  rounds: values.rounds === undefined ? undefined : Number(values.rounds),
})
if (values.quick) console.log('A quick run shows that all of it works; its figures are too rough to compare anything.')
for (const { title, text } of sectionsOf(answersOf(results))) console.log(`\n## ${title}\n\n${text}`)
for (const reason of results.missing) console.error(`\nNOT MEASURED: ${reason}`)
if (isFull) await writeReport(results)
// Clients of databases may still hold the process.
process.exit(results.rounds.length === 0 ? 1 : 0)
