import { inProject, readJson } from './project.ts'

interface Manifest {
  name: string
  exports: Record<string, string | { types: string; default: string }>
}

/** One public name of the package and the built file behind it. */
export interface Subpath {
  /** What an application imports, such as `sojourn/stores/memory`. */
  specifier: string
  /** The built file, such as `./dist/stores/memory.js`. */
  target: string
  types: string
}

const manifest = readJson('package.json') as Manifest

export const subpaths: readonly Subpath[] = Object.entries(manifest.exports).flatMap(([name, entry]) =>
  typeof entry === 'string'
    ? []
    : [{ specifier: manifest.name + name.slice(1), target: entry.default, types: entry.types }],
)

/** The source file that the build turns into `target`. */
export function sourceOf(target: string): string {
  return inProject(target.replace(/^\.\/dist\//, 'src/').replace(/\.js$/, '.ts'))
}
