import type { Gate } from '../lib/gate.ts'
import { withPackage } from '../lib/pack.ts'
import { run } from '../lib/run.ts'

/** The published archive holds what package.json promises. */
export const publintGate: Gate = {
  name: 'publint',
  async run() {
    const { code, output } = await withPackage((archive) =>
      run('publint', ['run', archive, '--strict'], { quiet: true }),
    )
    return code === 0 ? 'passed' : { failed: output.trim() }
  },
}
