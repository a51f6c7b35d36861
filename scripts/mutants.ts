// `npm run mutants`: takes protections out of a copy of the source, one at a time, and runs the tests that name the row of
// each. A mutant that none of them notices survives, and the command fails. `--count 40` of them, drawn by `--seed`.
// Needs the report of a full `npm test`, to know which tests name a row.
import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRandom } from '../src/testing/random.ts'
import { mutants } from '../test/mutants/mutants.ts'
import type { Mutant } from '../test/mutants/mutant.ts'
import { namesRow } from './lib/names-row.ts'
import { inProject, root } from './lib/project.ts'
import { run } from './lib/run.ts'
import { readUnitReport } from './lib/unit.ts'

const { values } = parseArgs({ options: { count: { type: 'string', default: '40' }, seed: { type: 'string' } } })
const count = Number(values.count)
const seed = Number(values.seed ?? randomInt(2 ** 31))
if (!Number.isSafeInteger(seed) || !(count >= 1)) {
  console.error('mutants: --count and --seed are numbers')
  process.exit(2)
}

// Tests of servers take minutes, and what they test are stores.
const tests = readUnitReport().filter(({ file, status }) => status === 'passed' && !file.startsWith('test/servers/'))
if (tests.length === 0) {
  console.error('mutants: there is no test report yet; run `npm test` first')
  process.exit(2)
}

const copy = copyOfProject()
process.once('exit', () => rmSync(copy, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const drawn = draw(mutants)
console.log(`mutants: ${drawn.length} of ${mutants.length}; --seed ${seed}`)
const broken = await failuresOf(drawn.map(({ row }) => row))
if (broken.length > 0) {
  console.error(`mutants: these fail without any change, so nothing can be told:\n  ${broken.join('\n  ')}`)
  process.exit(2)
}
let survivors = 0
for (const mutant of drawn) {
  const killers = await killersOf(mutant)
  if (killers.length === 0) survivors++
  const verdict = killers.length === 0 ? 'SURVIVES' : `killed by ${killers.length}, such as "${killers[0]}"`
  console.log(`${mutant.row.padEnd(14)} ${mutant.fault}: ${verdict}`)
}
console.log(`${drawn.length - survivors} killed, ${survivors} survived; --seed ${seed}`)
process.exitCode = survivors > 0 ? 1 : 0

function draw(all: readonly Mutant[]): readonly Mutant[] {
  const random = seededRandom(seed)
  const lots = all.map((mutant) => ({ mutant, lot: random() }))
  return lots
    .toSorted((a, b) => a.lot - b.lot)
    .slice(0, count)
    .map(({ mutant }) => mutant)
}

/** The project as it is in the work tree, in a folder of its own: a mutant must not be left behind in the project. */
function copyOfProject(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-mutants-'))
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: root })
  for (const file of files.toString().split('\0').filter(Boolean)) {
    cpSync(inProject(file), join(folder, file), { recursive: true, force: true })
  }
  for (const name of ['node_modules', 'dist']) symlinkSync(inProject(name), join(folder, name))
  return folder
}

/** The tests that name the row and fail with the mutant in place. */
async function killersOf({ row, file, from, to }: Mutant): Promise<string[]> {
  const path = join(copy, file)
  const text = readFileSync(path, 'utf8')
  writeFileSync(
    path,
    text.replace(from, () => to),
  )
  try {
    return await failuresOf([row])
  } finally {
    writeFileSync(path, text)
  }
}

/** Titles of the tests that name one of the rows and fail. */
async function failuresOf(rows: readonly string[]): Promise<string[]> {
  const named = tests.filter(({ title }) => rows.some((row) => namesRow(title, row)))
  const files = [...new Set(named.map(({ file }) => file))]
  if (files.length === 0) throw new Error(`mutants: no test names ${rows.join(', ')}`)
  const pattern = [...new Set(rows)].map((row) => row.replaceAll('.', '\\.')).join('|')
  const report = join(dirname(copy), `${copy}.json`)
  await run('vitest', ['run', ...files, '-t', pattern, '--reporter=json', `--outputFile=${report}`], {
    cwd: copy,
    quiet: true,
  })
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report
  rmSync(report)
  return testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status, fullName }) => status === 'failed' && rows.some((row) => namesRow(fullName, row)))
    .map(({ fullName }) => fullName)
}

interface Report {
  testResults: { assertionResults: { status: string; fullName: string }[] }[]
}
