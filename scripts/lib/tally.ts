import { readJson } from './project.ts'
import type { Gate } from './gate.ts'

interface AllowedSkip {
  /** The beginning of the reason as the test gives it. */
  reason: string
  /** Why a run that could not make this check is still good enough. */
  because: string
}

/** Counts what passed, failed and was skipped, and ends the run with the numbers and the exit code. */
export class Tally {
  #passed = 0
  readonly #failures: string[] = []
  readonly #skips: string[] = []
  readonly #allowed = readJson('test', 'allowed-skips.json') as AllowedSkip[]

  passed(): void {
    this.#passed += 1
  }

  failed(what: string): void {
    this.#failures.push(what)
  }

  /** In CI nobody reads what was skipped, so there a skip that no list allows is a failure. */
  skipped(what: string, reason: string): void {
    const isAllowed = this.#allowed.some((allowed) => reason.startsWith(allowed.reason))
    if (process.env['CI'] === 'true' && !isAllowed) this.failed(`${what}: skipped, and not allowed to be: ${reason}`)
    else this.#skips.push(`${what}: ${reason}`)
  }

  /** Makes one check; an exception is a failure like any other. */
  async gate(gate: Gate): Promise<void> {
    console.log(`\n▸ ${gate.name}`)
    const result = await gate.run().catch((error: unknown) => ({ failed: String(error) }))
    if (result === 'passed') return this.passed()
    if ('skipped' in result) {
      console.log(`  SKIPPED: ${result.skipped}`)
      return this.skipped(gate.name, result.skipped)
    }
    console.log(result.failed)
    this.failed(gate.name)
  }

  /** Prints the summary; its last line is for machines. */
  end(): void {
    print('Skipped', this.#skips)
    print('Failed', this.#failures)
    if (this.#failures.length > 0) process.exitCode = 1
    console.log(`\n${this.#passed} passed, ${this.#failures.length} failed, ${this.#skips.length} skipped`)
  }
}

function print(title: string, lines: readonly string[]): void {
  if (lines.length > 0) console.log(`\n${title}:\n${lines.map((line) => `  ${line}`).join('\n')}`)
}
