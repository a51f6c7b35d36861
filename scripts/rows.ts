// Prints the requirement rows that no passing test names: what `npm test` proves, seen from the requirements.
import { existsSync } from 'node:fs'
import { namesRow } from './lib/names-row.ts'
import { readJson } from './lib/project.ts'
import { readUnitReport, unitReportPath } from './lib/unit.ts'

interface RowFamily {
  family: string
  title: string
  /** Why no test can name these rows yet. */
  later?: string
  /** Rows about what this package does not have, with the reason. */
  absent?: Record<string, string>
  rows: Record<string, string>
}

if (!existsSync(unitReportPath)) {
  console.error('rows: there is no test report yet; run `npm test` first')
  process.exit(2)
}

const passing = readUnitReport()
  .filter((test) => test.status === 'passed')
  .map((test) => test.title)
let open = 0
let total = 0
for (const family of readJson('test', 'rows.json') as RowFamily[]) report(family)
console.log(`${total - open} of ${total} rows are named by a passing test, ${open} are not`)
// For a script that wants to insist on every row.
if (process.argv.includes('--strict') && open > 0) process.exitCode = 1

function report({ family, title, later, absent = {}, rows }: RowFamily): void {
  const ids = Object.keys(rows).filter((id) => absent[id] === undefined)
  const missing = later === undefined ? ids.filter((id) => !passing.some((test) => namesRow(test, id))) : []
  total += later === undefined ? ids.length : 0
  open += missing.length
  const state = later === undefined ? `${ids.length - missing.length} of ${ids.length}` : `later: ${later}`
  console.log(`${family}  ${title}: ${state}`)
  for (const id of missing) console.log(`  ${id.padEnd(12)} ${rows[id]}`)
  for (const [id, reason] of Object.entries(absent)) console.log(`  ${id.padEnd(12)} does not apply: ${reason}`)
}
