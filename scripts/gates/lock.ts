import { existsSync, readFileSync } from 'node:fs'
import { type Gate, verdict } from '../lib/gate.ts'
import { inProject } from '../lib/project.ts'

const LOCKS = ['package-lock.json', 'test/runtimes/package-lock.json']

/** The lock files hold for any registry: versions and hashes, no address. */
export const lockGate: Gate = {
  name: 'lock files hold no address',
  async run() {
    return verdict(LOCKS.flatMap(addressesIn))
  },
}

function addressesIn(lock: string): string[] {
  if (!existsSync(inProject(lock))) return [`${lock} is missing`]
  return readFileSync(inProject(lock), 'utf8')
    .split('\n')
    .flatMap((line, index) => (/"resolved"|registry\./.test(line) ? [`${lock}:${index + 1}: ${line.trim()}`] : []))
}
