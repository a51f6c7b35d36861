import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Entry } from '../history.ts'
import type { Announced } from './check.ts'
import { createChecker } from './check.ts'
import type { Verdict } from './findings.ts'

/** Judges a history of one entry a line, without ever holding all of it. */
export async function checkFile(path: string, announced: Announced): Promise<Verdict> {
  const checker = createChecker(announced)
  for await (const line of createInterface({ input: createReadStream(path) })) checker.read(JSON.parse(line) as Entry)
  return checker.verdict()
}
