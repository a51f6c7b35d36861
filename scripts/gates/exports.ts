import { existsSync } from 'node:fs'
import { sourceOf, subpaths } from '../lib/exports.ts'
import { type Gate, verdict } from '../lib/gate.ts'
import { inProject, readJson } from '../lib/project.ts'
import { checkedPaths } from '../lib/tsconfig.ts'

/** The names that package.json exports, the files behind them and the names that the compiler knows are the same. */
export const exportsGate: Gate = {
  name: 'exports and files agree',
  async run() {
    return verdict([...missingFiles(), ...differentPaths()])
  },
}

function missingFiles(): string[] {
  const { imports } = readJson('package.json') as { imports: Record<string, Record<string, string>> }
  const targets = [
    ...subpaths.flatMap(({ target, types }) => [target, types]),
    ...Object.values(imports).flatMap((conditions) => Object.values(conditions)),
  ]
  return targets
    .filter((target) => !existsSync(inProject(target)))
    .map((target) => `package.json names ${target}, which the build does not make`)
}

function differentPaths(): string[] {
  const paths = checkedPaths()
  const expected = new Map(subpaths.map(({ specifier, target }) => [specifier, sourceOf(target)]))
  const names = new Set([...expected.keys(), ...Object.keys(paths).filter((name) => name !== '#platform')])
  return [...names]
    .filter((name) => expected.get(name) !== inProject(paths[name]?.[0] ?? ''))
    .map((name) => `"paths" in tsconfig.json and the exports of package.json differ for ${name}`)
}
