import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ensurePart } from '../../parts.ts'
import { root } from '../project.ts'
import { run } from '../run.ts'
import { baseSystem } from './base.ts'
import { connect } from './connection.ts'
import { ownEnvironment } from './environment.ts'
import { withFolder } from './folder.ts'
import { inventoryOf, isBare, wordsOf } from './inventory.ts'
import { loudly } from './loudly.ts'
import { mayIsolate, runIsolated } from './isolated.ts'

// As the first process it stays, and so collects the processes whose parents are gone, as every system's first one does.
const ENTER = `
set -e
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
mount --rbind /sys "$1/sys"
status=0
chroot "$1" bash -c 'cd /srv/project && eval "$1"' bare "$2" || status=$?
exit $status
`
const ENVIRONMENT = {
  HOME: '/root',
  TERM: 'dumb',
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
}
/** What whoever starts a run decides about it. */
const CHOICES = ['CI', 'SERVERS'] as const

/**
 * Runs a command in a clone of HEAD on a new Debian that is removed afterwards, and resolves its exit code.
 * @throws Error with the reason when no such machine can be made here; nothing has run then.
 */
export async function runOnBareMachine(command: string): Promise<number> {
  const base = await baseSystem(await debootstrapHere())
  return withFolder(async (folder, keeper) => {
    const system = join(folder, 'system')
    await expectDone('cp', ['-a', '--reflink=auto', base, system])
    await addNode(system)
    const connection = await connect(system)
    await expectDone('git', ['clone', '--quiet', '--no-hardlinks', root, join(system, 'srv/project')])
    await tell(system, command)
    const choices = CHOICES.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value] as const]
    })
    const env = { ...ENVIRONMENT, ...connection, ...Object.fromEntries(choices) }
    return runIsolated(keeper, ['bash', '-c', ENTER, 'bare', system, command], { env })
  })
}

async function debootstrapHere(): Promise<string> {
  const isDebian = existsSync('/etc/os-release') && /^ID="?debian"?$/m.test(readFileSync('/etc/os-release', 'utf8'))
  if (!isDebian) throw new Error('this system is not Debian')
  if (process.getuid?.() !== 0) throw new Error('only root may make one')
  if (!mayIsolate())
    throw new Error('this process may not make mounts and a process space of its own, or change its root')
  const debootstrap = await ensurePart('debootstrap')
  if ('missing' in debootstrap) throw new Error(debootstrap.missing)
  return debootstrap.path
}

/** This machine's own Node and npm: Debian's may be older than the project allows. */
async function addNode(system: string): Promise<void> {
  const which = await run('sh', ['-c', 'command -v node && command -v npm'], { quiet: true, env: ownEnvironment() })
  const [node, npm] = which.output.trim().split('\n')
  if (node === undefined || npm === undefined) throw new Error('this machine has no node and npm of its own')
  const modules = join(system, 'usr/lib/node_modules')
  mkdirSync(modules, { recursive: true })
  cpSync(realpathSync(node), join(system, 'usr/bin/node'))
  cpSync(dirname(dirname(realpathSync(npm))), join(modules, 'npm'), { recursive: true, verbatimSymlinks: true })
  for (const name of ['npm', 'npx'])
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(system, 'usr/bin', name))
}

async function tell(system: string, command: string): Promise<void> {
  const versions: string[] = []
  for (const program of ['git', 'node', 'npm']) {
    const text = await expectDone('chroot', [system, program, '--version'])
    versions.push(`${program} ${text.replace('git version ', '').trim()}`)
  }
  const inventory = inventoryOf(system)
  if (!isBare(inventory)) throw new Error(`what was made is not bare: ${wordsOf(inventory)}`)
  const commit = await expectDone('git', ['log', '-1', '--format=%h %s'])
  console.log(`bare: a new machine with ${versions.join(', ')}, ${wordsOf(inventory)}`)
  console.log(`bare: a clone of ${commit.trim()}`)
  const changes = await expectDone('git', ['status', '--porcelain'])
  if (changes !== '') loudly('CHANGES THAT ARE NOT COMMITTED ARE NOT TESTED', changes.trimEnd())
  console.log(`bare: ${command}\n`)
}

async function expectDone(command: string, args: readonly string[]): Promise<string> {
  const { code, output } = await run(command, args, { quiet: true })
  if (code !== 0) throw new Error(`${command} failed\n${output.slice(-2_000)}`)
  return output
}
