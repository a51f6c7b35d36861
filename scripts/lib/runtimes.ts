import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { withConsumer } from './consumer.ts'
import { installLocked } from './install.mjs'
import { inProject } from './project.ts'
import { run } from './run.ts'
import type { Tally } from './tally.ts'

interface Runtime {
  name: string
  /** The program below test/runtimes/node_modules. */
  program: string
  /** Arguments that run the cases in the folder. */
  args(folder: string): Promise<string[]> | string[]
}

interface CaseResult {
  name: string
  status: 'passed' | 'failed' | 'skipped'
  note?: string
}

const here = inProject('test', 'runtimes')
const ENTRY = 'process.mjs'

const runtimes: readonly Runtime[] = [
  // The oldest of each line that `engines` admits, and the oldest of 22 that has `node:sqlite` without a flag. Those without
  // it are named here, so that SQLite that is not found on any other runtime is a failure.
  ...['20', '22-first'].map((line) => ({ ...nodeOf(line), args: () => [ENTRY, '--without-sqlite'] })),
  ...['22', '24', '26'].map((line) => ({ ...nodeOf(line), args: () => [ENTRY] })),
  { name: 'bun', program: '.bin/bun', args: () => [ENTRY] },
  {
    name: 'deno',
    program: '.bin/deno',
    args: () => ['run', '--allow-all', '--no-config', '--node-modules-dir=manual', ENTRY],
  },
  { name: 'workerd', program: '.bin/workerd', args: workerdArguments },
]

function nodeOf(line: string): { readonly name: string; readonly program: string } {
  return { name: `node ${line}`, program: `node-${line}/bin/node` }
}

/** Runs the cases of test/runtimes on every runtime, against the package as it would be published. */
export async function runRuntimeTests(tally: Tally, only: readonly string[] = []): Promise<void> {
  if (!installLocked(here)) {
    tally.failed('runtimes: their packages could not be installed')
    return
  }
  await withConsumer(async (folder) => {
    cpSync(here, folder, { recursive: true, filter: (path) => path === here || /\.[mc]js$/.test(path) })
    for (const runtime of runtimes) {
      if (only.length === 0 || only.includes(runtime.name)) await runOn(runtime, folder, tally)
    }
  })
}

async function runOn(runtime: Runtime, folder: string, tally: Tally): Promise<void> {
  console.log(`\n▸ ${runtime.name}`)
  const program = join(here, 'node_modules', runtime.program)
  if (!existsSync(program)) {
    tally.skipped(runtime.name, `no binary of this runtime for ${process.platform} ${process.arch}`)
    return
  }
  const { code, output } = await run(program, await runtime.args(folder), { cwd: folder, quiet: true })
  const results = resultsIn(output)
  for (const { name, status, note } of results) {
    if (status === 'passed') tally.passed()
    else if (status === 'skipped') tally.skipped(`${runtime.name}: ${name}`, note ?? 'the test gives no reason')
    else {
      console.log(`  ${name}\n${note ?? ''}`)
      tally.failed(`${runtime.name}: ${name}`)
    }
  }
  console.log(`  ${results.filter(({ status }) => status === 'passed').length} of ${results.length} cases passed`)
  // The last line of a complete run; without it some cases may not have run at all.
  if (code === 0 && /^complete$/m.test(output)) return
  console.log(output)
  tally.failed(`${runtime.name}: ended early with ${code}`)
}

/** One line of JSON for each case, among whatever else the runtime prints. */
function resultsIn(output: string): CaseResult[] {
  return output.split('\n').flatMap((line) => (line.startsWith('{"name":') ? [JSON.parse(line) as CaseResult] : []))
}

/** A worker is one bundle, made with the condition that bundlers for Workers set. */
async function workerdArguments(folder: string): Promise<string[]> {
  await build({
    entryPoints: [join(folder, 'worker.mjs')],
    outfile: join(folder, 'worker.js'),
    bundle: true,
    format: 'esm',
    conditions: ['workerd', 'worker'],
    logLevel: 'silent',
  })
  writeFileSync(join(folder, 'worker.capnp'), readFileSync(join(here, 'worker.capnp')))
  return ['test', 'worker.capnp']
}
