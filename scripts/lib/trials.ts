import { join } from 'node:path'
import { inProject } from './project.ts'

/** One way in which an application loads the package: a command that must succeed. */
export interface Trial {
  readonly name: string
  /** The folder of test/consumers in which it runs. */
  readonly folder: 'both' | 'commonjs' | 'modules'
  /** Programs and their arguments, one after the other. */
  readonly commands: readonly (readonly [program: string, ...args: string[]])[]
  /** What the last one must print. */
  readonly prints?: string
}

const modules = inProject('test', 'consumers', 'node_modules')
const node = process.execPath
const tool = (path: string): readonly [program: string, path: string] => [node, join(modules, path)]

const jest = tool('jest/bin/jest.js')
const vitest = tool('vitest/vitest.mjs')
const tsx = tool('tsx/dist/cli.mjs')
const esbuild = ['--bundle', '--platform=node', 'main.mjs', '--log-level=warning']

const compilers = {
  'TypeScript 5.9': tool('typescript/bin/tsc'),
  'TypeScript 6': tool('typescript-6/bin/tsc'),
  'TypeScript 7': tool('typescript-7/bin/tsc'),
} as const
type Compiler = keyof typeof compilers

// The settings of the package's own declarations count too: `skipLibCheck` is false.
const STRICT =
  '--strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess --skipLibCheck false --target es2022 --types node'

/** Compiles the program and every public name. */
function types(compiler: Compiler, folder: 'commonjs' | 'modules', settings: string): Trial {
  const files = folder === 'commonjs' ? ['main.ts', 'every.ts'] : ['application.mts', 'every.ts']
  return {
    name: `${compiler}: ${folder}, ${settings}`,
    folder,
    commands: [[...compilers[compiler], ...files, '--noEmit', ...flags(settings)]],
  }
}

/** Compiles the program to CommonJS and runs it. */
function compiled(compiler: Compiler, settings: string): Trial {
  const out = ['--outDir', `out ${compiler} ${settings}`] as const
  return {
    name: `${compiler}: compiled and run, ${settings}`,
    folder: 'commonjs',
    commands: [
      [...compilers[compiler], 'main.ts', 'every.ts', ...out, ...flags(settings)],
      [node, join(out[1], 'main.js')],
    ],
    prints: 'Visit 1, Visit 2',
  }
}

function flags(settings: string): readonly string[] {
  return [...STRICT.split(' '), ...settings.split(' ')]
}

const typeScript: readonly Trial[] = [
  // What `tsc --init` once wrote, and what many projects still have: `exports` is not read.
  compiled('TypeScript 5.9', '--module commonjs'),
  compiled('TypeScript 5.9', '--module node16'),
  compiled('TypeScript 6', '--module commonjs'),
  compiled('TypeScript 7', '--module nodenext'),
  types('TypeScript 5.9', 'commonjs', '--module preserve --moduleResolution bundler'),
  types('TypeScript 5.9', 'commonjs', '--module node18'),
  types('TypeScript 5.9', 'modules', '--module nodenext'),
  types('TypeScript 5.9', 'modules', '--module preserve --moduleResolution bundler'),
  types('TypeScript 6', 'commonjs', '--module commonjs --moduleResolution node10 --ignoreDeprecations 6.0'),
  types('TypeScript 6', 'commonjs', '--module node16'),
  types('TypeScript 6', 'commonjs', '--module nodenext'),
  types('TypeScript 6', 'commonjs', '--module preserve'),
  types('TypeScript 6', 'modules', '--module node16'),
  types('TypeScript 6', 'modules', '--module nodenext'),
  types('TypeScript 6', 'modules', '--module preserve --moduleResolution bundler'),
  types('TypeScript 7', 'commonjs', '--module commonjs'),
  types('TypeScript 7', 'commonjs', '--module node16'),
  types('TypeScript 7', 'modules', '--module nodenext'),
  types('TypeScript 7', 'modules', '--module preserve --moduleResolution bundler'),
]

const JEST_CONFIG = {
  defaults: {},
  'without Babel': { transform: {} },
  // As jsdom sets them.
  'with the conditions of a browser': { testEnvironmentOptions: { customExportConditions: ['browser'] } },
}

const runners: readonly Trial[] = [
  ...Object.entries(JEST_CONFIG).map(([name, config]): Trial => {
    const args = ['--config', JSON.stringify(config), 'defaults.test.js']
    return { name: `Jest: ${name}`, folder: 'commonjs', commands: [[...jest, ...args]] }
  }),
  {
    name: 'Jest: ts-jest',
    folder: 'commonjs',
    commands: [[...jest, '--config', '{ "preset": "ts-jest" }', 'ts-jest.spec.ts']],
  },
  {
    name: 'Jest: ES modules',
    folder: 'both',
    commands: [[node, '--experimental-vm-modules', jest[1], '--config', '{ "testMatch": ["**/jest.test.mjs"] }']],
  },
  { name: 'Vitest', folder: 'both', commands: [[...vitest, 'run', 'vitest.test.mjs']] },
  { name: 'node:test', folder: 'commonjs', commands: [[node, '--test', 'node.test.js']] },
]

const programs: readonly Trial[] = [
  { name: 'node', folder: 'both', commands: [[node, 'main.mjs']], prints: 'one engine' },
  {
    name: 'node without require for ES modules',
    folder: 'both',
    commands: [[node, '--no-experimental-require-module', 'main.mjs']],
    prints: 'one engine',
  },
  { name: 'tsx', folder: 'both', commands: [[...tsx, 'main.ts']], prints: 'one engine' },
  { name: 'tsx: CommonJS', folder: 'commonjs', commands: [[...tsx, 'main.ts']], prints: 'Visit 1, Visit 2' },
  ...['cjs', 'esm'].map((format): Trial => {
    const file = `esbuild-${format}.${format === 'cjs' ? 'cjs' : 'mjs'}`
    const args = [...esbuild, `--format=${format}`, '--minify', `--outfile=${file}`]
    return bundled(`esbuild: ${format}`, [join(modules, '.bin', 'esbuild'), ...args], file)
  }),
  bundled('Webpack', [node, 'webpack.mjs'], 'webpack.cjs'),
  bundled('Vite', [...tool('vite/bin/vite.js'), 'build', '--ssr', 'main.mjs', '--outDir', 'vite'], 'vite/main.mjs'),
]

function bundled(name: string, bundle: readonly [string, ...string[]], file: string): Trial {
  return { name, folder: 'both', commands: [bundle, [node, file]], prints: 'one engine' }
}

/** Everything that loads the package: compilers, test runners, loaders, bundlers. */
export const trials: readonly Trial[] = [...programs, ...runners, ...typeScript]
