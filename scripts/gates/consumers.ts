import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installPackage } from '../lib/consumer.ts'
import { subpaths } from '../lib/exports.ts'
import { type Gate, verdict } from '../lib/gate.ts'
import { installLocked } from '../lib/install.mjs'
import { inProject } from '../lib/project.ts'
import { run } from '../lib/run.ts'
import { type Trial, trials } from '../lib/trials.ts'

const here = inProject('test', 'consumers')
/** As many as there are processors on the machines that run this. */
const TOGETHER = 2

/** The packed package works with every compiler, test runner and bundler that is asked for, and is there once. */
export const consumersGate: Gate = {
  name: 'compilers, test runners and bundlers can use the package',
  async run() {
    if (!installLocked(here)) return { failed: 'the packages of test/consumers could not be installed' }
    const modules = join(here, 'node_modules')
    await installPackage(modules)
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sojourn-consumers-')))
    try {
      for (const project of ['both', 'commonjs', 'modules'])
        cpSync(join(here, project), join(folder, project), { recursive: true })
      symlinkSync(modules, join(folder, 'node_modules'))
      for (const project of ['commonjs', 'modules']) writeFileSync(join(folder, project, 'every.ts'), everyName())
      return verdict(await faultsOf(folder))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

function everyName(): string {
  const imports = subpaths.map(({ specifier }, index) => `import * as module${index} from '${specifier}'`)
  return `${imports.join('\n')}\nexport const every = [${subpaths.map((_, index) => `module${index}`).join(', ')}]\n`
}

async function faultsOf(folder: string): Promise<readonly string[]> {
  const faults: string[] = []
  const waiting = [...trials]
  const next = async (): Promise<void> => {
    for (let trial = waiting.shift(); trial !== undefined; trial = waiting.shift()) {
      const fault = await attempt(trial, join(folder, trial.folder))
      if (fault !== undefined) faults.push(`${trial.name}\n${fault}`)
    }
  }
  await Promise.all(Array.from({ length: TOGETHER }, next))
  return faults
}

async function attempt({ commands, prints }: Trial, cwd: string): Promise<string | undefined> {
  let last = ''
  for (const [program, ...args] of commands) {
    const { code, output } = await run(program, args, { quiet: true, cwd })
    if (code !== 0) return output.trim()
    last = output.trim()
  }
  return prints === undefined || last === prints ? undefined : `printed ${JSON.stringify(last)}, not ${prints}`
}
