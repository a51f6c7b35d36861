/** One check of the project as a whole. */
export interface Gate {
  readonly name: string
  run(): Promise<Verdict>
}

/** `skipped` means that the check could not be made here; the reason is shown and, in CI, must be an allowed one. */
export type Verdict = 'passed' | { readonly failed: string } | { readonly skipped: string }

/** A verdict from the faults that a check found. */
export function verdict(faults: readonly string[]): Verdict {
  return faults.length === 0 ? 'passed' : { failed: faults.join('\n') }
}
