import type { Gate } from './gate.ts'
import { run } from './run.ts'

/** A gate that is a tool's exit code. */
export function commandGate(name: string, command: string, args: readonly string[]): Gate {
  return {
    name,
    async run() {
      const { code, output } = await run(command, args, { quiet: true })
      return code === 0 ? 'passed' : { failed: output.trim() }
    },
  }
}
