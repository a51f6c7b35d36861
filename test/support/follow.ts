import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { ensurePart } from '../../scripts/parts.ts'
import type { Program } from './program.ts'
import { emptyFolder } from './program.ts'

const run = promisify(execFile)

/** Types what a document shows, in an empty folder, and compares what comes back. */
export async function follow(steps: readonly (readonly [string, string])[], { address }: Program): Promise<void> {
  const curl = await ensurePart('curl')
  if ('missing' in curl) throw new Error(curl.missing)
  const folder = await emptyFolder()
  expect(steps.length).toBeGreaterThan(1)
  for (const [command, output] of steps) {
    const typed = command.replace('curl', curl.path).replaceAll('http://127.0.0.1:3000', address)
    const { stdout } = await run('sh', ['-c', typed], { cwd: folder })
    expect(stdout, command).toBe(output)
  }
}
