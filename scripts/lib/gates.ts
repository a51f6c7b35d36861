import { attwGate } from '../gates/attw.ts'
import { auditGate } from '../gates/audit.ts'
import { benchTypesGate } from '../gates/bench-types.ts'
import { consumersGate } from '../gates/consumers.ts'
import { docsGate } from '../gates/docs.ts'
import { exportsGate } from '../gates/exports.ts'
import { lockGate } from '../gates/lock.ts'
import { publintGate } from '../gates/publint.ts'
import { sizeGate } from '../gates/size.ts'
import { tracesGate } from '../gates/traces.ts'
import { commandGate } from './command-gate.ts'
import type { Gate } from './gate.ts'

/** The checks of the built package and of the repository, by the short name that `npm run gates` takes. */
export const gates: Readonly<Record<string, Gate>> = {
  exports: exportsGate,
  publint: publintGate,
  attw: attwGate,
  consumers: consumersGate,
  size: sizeGate,
  knip: commandGate('knip', 'knip', []),
  docs: docsGate,
  audit: auditGate,
  lock: lockGate,
  traces: tracesGate,
  bench: benchTypesGate,
}
