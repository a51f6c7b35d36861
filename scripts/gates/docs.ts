import { apiDocs } from '../lib/api-docs.ts'
import type { Gate } from '../lib/gate.ts'

/** Everything that the package exports is documented where it is declared. */
export const docsGate: Gate = {
  name: 'public names are documented',
  async run() {
    const { code, output } = await apiDocs(['--emit', 'none'], { quiet: true })
    return code === 0 ? 'passed' : { failed: output.trim() }
  },
}
