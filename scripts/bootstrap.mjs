// The way into every npm script: `node scripts/bootstrap.mjs <task> [arguments]` runs scripts/<task>.ts.
// Plain JavaScript without a dependency, because on a fresh clone the machine's own Node, maybe an old one, runs it.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const binaries = join(root, 'node_modules', '.bin')
const task = process.argv[2]

if (task === undefined || !existsSync(join(root, 'scripts', `${task}.ts`))) {
  console.error(`bootstrap: no task "${task ?? ''}": there must be a file of this name in scripts/`)
  process.exit(2)
}

installWhenStale()
runTask()

function installWhenStale() {
  // npm writes this file at the end of each installation, so an interrupted one counts as missing.
  const installed = join(root, 'node_modules', '.package-lock.json')
  const lock = join(root, 'package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  console.error('bootstrap: installing the locked dependencies')
  // One command string: npm is a script file on Windows, which only a shell can start.
  const { status } = spawnSync('npm ci --no-audit --no-fund', { cwd: root, shell: true, stdio: ['ignore', 2, 2] })
  if (status !== 0) process.exit(status ?? 1)
}

function runTask() {
  const node = join(binaries, 'node')
  const child = spawn(
    existsSync(node) ? node : 'node',
    [join(root, 'scripts', `${task}.ts`), ...process.argv.slice(3)],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, PATH: binaries + delimiter + process.env.PATH },
    },
  )
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    // A terminal sends Ctrl-C to the whole group already; a supervisor tells this process alone.
    process.on(signal, () => child.kill(signal))
  }
  child.on('error', (error) => {
    console.error(`bootstrap: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    process.exit(signal === null ? code : 128 + constants.signals[signal])
  })
}
