import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import type { Reporter, TestCase, TestModule } from 'vitest/node'
import { root } from './project.ts'
import { unitReportPath, type UnitTest } from './unit.ts'

/** Writes the few facts per test that the scripts read. Vitest's own JSON report leaves out why a test was skipped. */
export default class UnitReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap(testsOf)
    // An error that belongs to no test fails the run, and must be seen in the count too.
    for (const _ of unhandledErrors) tests.push({ file: '', title: 'an error outside every test', status: 'failed' })
    mkdirSync(dirname(unitReportPath), { recursive: true })
    writeFileSync(unitReportPath, JSON.stringify(tests, undefined, 1))
  }
}

function testsOf(module: TestModule): UnitTest[] {
  const file = relative(root, module.moduleId)
  const tests = [...module.children.allTests()].map((test) => describe(file, test))
  const failedElsewhere = module.state() === 'failed' && !tests.some((test) => test.status === 'failed')
  // The file could not be loaded, or a hook around its tests failed.
  return failedElsewhere ? [...tests, { file, title: 'the file as a whole', status: 'failed' }] : tests
}

function describe(file: string, test: TestCase): UnitTest {
  const result = test.result()
  const title = test.fullName.replaceAll(' > ', ' ')
  if (result.state === 'passed' || result.state === 'failed') return { file, title, status: result.state }
  return result.state === 'skipped' && result.note !== undefined
    ? { file, title, status: 'skipped', note: result.note }
    : { file, title, status: 'skipped' }
}
