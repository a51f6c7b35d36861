import { existsSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { conditionsOf, sourceOf, subpaths } from '../lib/exports.ts'
import { type Gate, verdict } from '../lib/gate.ts'
import { inProject, readJson } from '../lib/project.ts'
import { checkedPaths } from '../lib/tsconfig.ts'

interface Manifest {
  readonly main: string
  readonly types: string
  readonly typesVersions: { readonly '*': Readonly<Record<string, readonly string[]>> }
  readonly imports: Readonly<Record<string, Readonly<Record<string, string>>>>
}

const manifest = readJson('package.json') as Manifest

/** The names that package.json exports, the files behind them and the names that the compiler knows are the same. */
export const exportsGate: Gate = {
  name: 'exports and files agree',
  async run() {
    return verdict([...otherConditions(), ...missingFiles(), ...differentPaths(), ...withoutExports()])
  },
}

/** Every name is told to everybody in the same way; a name that was told otherwise would load the engine twice. */
function otherConditions(): string[] {
  return subpaths
    .filter(({ file, conditions }) => !isDeepStrictEqual(conditions, conditionsOf(file)))
    .map(({ specifier, file }) => `${specifier}: its entry must be ${JSON.stringify(conditionsOf(file))}`)
}

function missingFiles(): string[] {
  const targets = [
    ...subpaths.flatMap(({ conditions: { types, ...files } }) => [...Object.values(types), ...Object.values(files)]),
    ...Object.values(manifest.imports).flatMap((conditions) => Object.values(conditions)),
  ]
  return [...new Set(targets)]
    .filter((target) => !existsSync(inProject(target)))
    .map((target) => `package.json names ${target}, which the build does not make`)
}

function differentPaths(): string[] {
  const paths = checkedPaths()
  const expected = new Map(subpaths.map(({ specifier, file }) => [specifier, sourceOf(file)]))
  const names = new Set([...expected.keys(), ...Object.keys(paths).filter((name) => name !== '#platform')])
  return [...names]
    .filter((name) => expected.get(name) !== inProject(paths[name]?.[0] ?? ''))
    .map((name) => `"paths" in tsconfig.json and the exports of package.json differ for ${name}`)
}

/** What a compiler reads that does not know `exports` (`module: commonjs` before TypeScript 6). */
function withoutExports(): string[] {
  const expected = Object.fromEntries(
    subpaths.map(({ specifier, conditions }) => [specifier.replace(/^sojourn\/?/, ''), [conditions.types.require]]),
  )
  const { '': [types] = [], ...typesVersions } = expected
  return isDeepStrictEqual(manifest.typesVersions, { '*': typesVersions }) &&
    manifest.types === types &&
    manifest.main === conditionsOf('index').require
    ? []
    : [`"main", "types" and "typesVersions" must name the files of the exports: ${JSON.stringify(typesVersions)}`]
}
