import type { Gate } from '../lib/gate.ts'
import { withPackage } from '../lib/pack.ts'
import { run } from '../lib/run.ts'

/** Every importer finds its types, and those of the module that it loads: old compilers, CommonJS, ES modules, bundlers. */
export const attwGate: Gate = {
  name: 'types resolve for every kind of importer',
  async run() {
    const { code, output } = await withPackage((archive) =>
      run('attw', [archive, '--profile', 'strict', '--no-emoji'], { quiet: true }),
    )
    return code === 0 ? 'passed' : { failed: output.trim() }
  },
}
