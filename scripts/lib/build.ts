import { existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join, posix } from 'node:path'
import { subpaths } from './exports.ts'
import type { Gate } from './gate.ts'
import { cacheFolder, inProject, root } from './project.ts'
import { run } from './run.ts'

const stamp = join(cacheFolder, 'built')
const commonJs = inProject('dist', 'cjs')

/** Builds src into dist, once as ES modules and once as CommonJS, and resolves the compiler's exit code. */
export async function buildPackage(): Promise<number> {
  // A file that was renamed in src must not live on in the package.
  rmSync(inProject('dist'), { recursive: true, force: true })
  rmSync(stamp, { force: true })
  const startedAt = new Date()
  const outcomes = await Promise.all([
    run('tsc', ['-p', 'tsconfig.esm.json']),
    run('tsc', ['-p', 'tsconfig.commonjs.json']),
  ])
  const code = Math.max(...outcomes.map((outcome) => outcome.code))
  if (code !== 0) return code
  completeCommonJs()
  markBuilt(startedAt)
  return 0
}

/** What makes the second build CommonJS, and the way into it for `import`: one engine, whoever asks for it. */
function completeCommonJs(): void {
  writeFileSync(join(commonJs, 'package.json'), '{ "type": "commonjs" }\n')
  for (const file of globSync('**/*.{js,d.ts}', { cwd: commonJs })) bindPlatform(file)
  const require = createRequire(import.meta.url)
  for (const { file } of subpaths) {
    const [path, name] = [join(commonJs, file), basename(file)]
    // By name: with `*` the names that Node adds to CommonJS, such as `module.exports`, would be given out too.
    const names = Object.keys(require(`${path}.js`) as object)
    writeFileSync(`${path}.mjs`, `export { ${names.join(', ')} } from './${name}.cjs'\n`)
    writeFileSync(`${path}.d.mts`, `export * from './${name}.js'\n`)
    // Vitest runs a CommonJS file that is imported once more for `require`: this one has nothing that could be there twice.
    writeFileSync(`${path}.cjs`, `module.exports = require('./${name}.js')\n`)
  }
}

/** Its platform is Node's; a name of `imports` would be looked up in the package.json beside it, which some tools do not. */
function bindPlatform(file: string): void {
  const path = join(commonJs, file)
  const text = readFileSync(path, 'utf8')
  const platform = posix.relative(posix.dirname(file.replaceAll('\\', '/')), 'platform/node.js')
  const bound = text.replaceAll(/(["'])#platform\1/g, `"${platform.startsWith('.') ? platform : `./${platform}`}"`)
  if (bound !== text) writeFileSync(path, bound)
}

/** The time when the compiler started: a file that changes while it runs makes the build stale. */
function markBuilt(startedAt: Date): void {
  mkdirSync(cacheFolder, { recursive: true })
  writeFileSync(stamp, '')
  utimesSync(stamp, startedAt, startedAt)
}

/** The build as one check among others. */
export const buildGate: Gate = {
  name: 'build',
  async run() {
    return (await buildPackage()) === 0 ? 'passed' : { failed: 'the compiler refused the sources' }
  },
}

/** Whether a source file or the compiler's settings changed after the last build that succeeded. */
export function buildIsStale(): boolean {
  const built = statSync(stamp, { throwIfNoEntry: false })
  if (built === undefined || !existsSync(inProject('dist'))) return true
  const inputs = globSync(
    ['src/**/*.ts', 'scripts/lib/build.ts', 'package.json', 'tsconfig.{base,build,esm,commonjs}.json'],
    { cwd: root },
  )
  return inputs.some((file) => statSync(inProject(file)).mtimeMs > built.mtimeMs)
}
