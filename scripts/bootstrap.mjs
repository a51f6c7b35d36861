// The way into every npm script: `node scripts/bootstrap.mjs <task> [arguments]` runs scripts/<task>.ts.
// Plain JavaScript without a dependency, because on a fresh clone the machine's own Node, maybe an old one, runs it.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runInForeground } from './lib/foreground.mjs'
import { installLocked } from './lib/install.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const [task = '', ...args] = process.argv.slice(2)
const file = join(root, 'scripts', `${task}.ts`)

if (!existsSync(file)) {
  console.error(`bootstrap: no task "${task}": scripts/ has no file of this name`)
  process.exit(2)
}
if (!installLocked(root)) process.exit(1)

const binaries = join(root, 'node_modules', '.bin')
const node = join(binaries, 'node')
runInForeground(existsSync(node) ? node : process.execPath, [file, ...args], {
  cwd: root,
  env: { ...process.env, PATH: binaries + delimiter + process.env.PATH },
})
