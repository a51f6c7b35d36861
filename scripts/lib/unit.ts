import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from './project.ts'
import { run } from './run.ts'

export const unitReportPath: string = join(cacheFolder, 'vitest.json')

export interface UnitTest {
  file: string
  /** The names of its groups and its own, joined by blanks. */
  title: string
  status: 'passed' | 'failed' | 'skipped'
  /** Why it was skipped, when the test says so by `context.skip(note)`. */
  note?: string
}

/** Runs all unit tests, leaves the report for `npm run rows` and resolves vitest's exit code. */
export async function runUnitTests(): Promise<number> {
  rmSync(unitReportPath, { force: true })
  const { code } = await run('vitest', ['run', '--reporter=default', '--reporter=./scripts/lib/unit-reporter.ts'])
  return code
}

/** Each test of the last run; none when it ended before it could report. */
export function readUnitReport(): UnitTest[] {
  if (!existsSync(unitReportPath)) return []
  return JSON.parse(readFileSync(unitReportPath, 'utf8')) as UnitTest[]
}
