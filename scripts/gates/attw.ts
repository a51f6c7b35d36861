import type { Gate } from '../lib/gate.ts'
import { withPackage } from '../lib/pack.ts'
import { run } from '../lib/run.ts'

/** Every importer that can load the package also finds its types. ESM only: `require` of Node 20.19 and later loads it. */
export const attwGate: Gate = {
  name: 'types resolve for every kind of importer',
  async run() {
    const { code, output } = await withPackage((archive) =>
      run('attw', [archive, '--profile', 'esm-only', '--no-emoji'], { quiet: true }),
    )
    return code === 0 ? 'passed' : { failed: output.trim() }
  },
}
