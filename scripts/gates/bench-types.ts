import { existsSync } from 'node:fs'
import { commandGate } from '../lib/command-gate.ts'
import type { Gate } from '../lib/gate.ts'
import { inProject } from '../lib/project.ts'

const check = commandGate('types of bench/servers', 'tsc', ['--noEmit', '-p', 'bench/tsconfig.json'])

/** The benchmark's subjects, whose packages are not installed before somebody runs the benchmark. */
export const benchTypesGate: Gate = {
  name: check.name,
  async run() {
    if (existsSync(inProject('bench', 'node_modules', 'express-session'))) return await check.run()
    return { skipped: 'the packages of bench are not installed; `npm run bench` installs them' }
  },
}
