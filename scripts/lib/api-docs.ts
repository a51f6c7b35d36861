import { sourceOf, subpaths } from './exports.ts'
import { type Outcome, run } from './run.ts'

/** Runs typedoc over everything that the package exports. */
export function apiDocs(args: readonly string[], options: { quiet?: boolean } = {}): Promise<Outcome> {
  const entries = subpaths.map(({ file }) => sourceOf(file))
  return run('typedoc', [...args, ...entries], options)
}
