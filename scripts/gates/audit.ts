import type { Gate } from '../lib/gate.ts'
import { run } from '../lib/run.ts'

/** No known vulnerability in what an application installs with the package, and no serious one in the tools. */
export const auditGate: Gate = {
  name: 'npm audit',
  async run() {
    const runtime = await audit(['--omit=dev', '--audit-level=low'])
    if (runtime !== 'passed') return runtime
    return await audit(['--audit-level=high'])
  },
}

async function audit(args: readonly string[]): ReturnType<Gate['run']> {
  const { code, output } = await run('npm', ['audit', '--audit=true', ...args], { quiet: true })
  if (code === 0) return 'passed'
  // npm ends with the same exit code for a finding and for a registry that does not answer.
  return /\bseverity\b/i.test(output) ? { failed: output.trim() } : { skipped: 'the registry does not answer an audit' }
}
