// `npm test`: every check of the project, one after the other. A failure does not hide what comes after it.
import { buildGate } from './lib/build.ts'
import { commandGate } from './lib/command-gate.ts'
import { gates } from './lib/gates.ts'
import { lintArguments } from './lib/lint.ts'
import { runRuntimeTests } from './lib/runtimes.ts'
import { Tally } from './lib/tally.ts'
import { typecheckProjects } from './lib/typecheck.ts'
import { readUnitReport, runUnitTests } from './lib/unit.ts'

const tally = new Tally()
await tally.gate(commandGate('format', 'prettier', ['--check', '--log-level', 'warn', '.']))
await tally.gate(commandGate('lint', 'oxlint', lintArguments()))
for (const project of typecheckProjects) {
  await tally.gate(commandGate(`types of ${project}`, 'tsc', ['--noEmit', '-p', project]))
}
await tally.gate(buildGate)
await unitTests()
for (const gate of Object.values(gates)) await tally.gate(gate)
await runRuntimeTests(tally)
tally.end()

async function unitTests(): Promise<void> {
  console.log('\n▸ unit tests')
  const code = await runUnitTests()
  const tests = readUnitReport()
  for (const test of tests) {
    const name = `${test.file}: ${test.title}`
    if (test.status === 'passed') tally.passed()
    else if (test.status === 'failed') tally.failed(name)
    else tally.skipped(name, test.note ?? 'the test gives no reason')
  }
  const seen = tests.some((test) => test.status === 'failed')
  if (tests.length === 0) tally.failed('unit tests: none ran')
  else if (code !== 0 && !seen) tally.failed(`unit tests: vitest ended with ${code}`)
}
