import { inProject, readJson } from './project.ts'

/** What package.json says of one public name: who loads which file. */
export interface Conditions {
  /** Declarations, for a file that is CommonJS and for any other. */
  readonly types: { readonly require: string; readonly default: string }
  /** Workers have no CommonJS. */
  readonly workerd: string
  /** Bundlers: of ES modules they drop what is not used, and they take this one for `require` and for `import`. */
  readonly module: string
  readonly require: string
  /** `import` in a process that also has `require`: the ES module that gives out what `require` loads. */
  readonly node: string
  readonly default: string
}

interface Manifest {
  name: string
  exports: Record<string, string | Conditions>
}

/** One public name of the package and the built files behind it. */
export interface Subpath {
  /** What an application imports, such as `sojourn/stores/memory`. */
  readonly specifier: string
  /** The name of its files in src and in both builds, such as `stores/memory`. */
  readonly file: string
  readonly conditions: Conditions
}

const manifest = readJson('package.json') as Manifest

export const subpaths: readonly Subpath[] = Object.entries(manifest.exports).flatMap(([name, conditions]) =>
  typeof conditions === 'string'
    ? []
    : [{ specifier: manifest.name + name.slice(1), file: fileOf(conditions.default), conditions }],
)

function fileOf(target: string): string {
  return target.replace(/^\.\/dist\/esm\//, '').replace(/\.js$/, '')
}

/** The source that both builds turn into `file`. */
export function sourceOf(file: string): string {
  return inProject('src', `${file}.ts`)
}

/** What package.json must say of a public name whose files have this name. */
export function conditionsOf(file: string): Conditions {
  const esm = `./dist/esm/${file}.js`
  const cjs = `./dist/cjs/${file}`
  return {
    types: { require: `${cjs}.d.ts`, default: `${cjs}.d.mts` },
    workerd: esm,
    module: esm,
    require: `${cjs}.js`,
    node: `${cjs}.mjs`,
    default: esm,
  }
}
