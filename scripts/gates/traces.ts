import { readFileSync } from 'node:fs'
import { type Gate, verdict } from '../lib/gate.ts'
import { inProject, root } from '../lib/project.ts'
import { run } from '../lib/run.ts'

const HOME_FOLDER = /(?<![\w.:/@-])\/(?:home|Users|root)\/\w+/

/** Nothing in the repository tells on which machine it was made. */
export const tracesGate: Gate = {
  name: 'no machine path and no registry address',
  async run() {
    const { output: settings } = await run('npm', ['config', 'get', 'registry'], { quiet: true })
    const registry = /^https?:\/\/([^/\s]+)/m.exec(settings)?.[1]
    if (registry === undefined) return { failed: `npm names no registry: ${settings}` }
    const { code, output } = await run('git', ['ls-files', '-z'], { quiet: true })
    if (code !== 0) return { skipped: 'this is not a git checkout' }
    const files = output.split('\0').filter((file) => file !== '')
    return verdict(files.flatMap((file) => tracesIn(file, registry)))
  },
}

function tracesIn(file: string, registry: string): string[] {
  const here = root.replace(/\/$/, '')
  return read(file)
    .split('\n')
    .flatMap((line, index) =>
      HOME_FOLDER.test(line) || line.includes(`${here}/`) || line.includes(registry) ? [`${file}:${index + 1}`] : [],
    )
}

function read(file: string): string {
  try {
    return readFileSync(inProject(file), 'utf8')
  } catch {
    // Deleted, and not yet committed.
    return ''
  }
}
