import { createHash } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { cacheFolder } from '../lib/project.ts'
import type { Account } from './server.ts'

/** Puts an empty database into `target`: made by `make` once for a version of the program, copied from then on. */
export async function copyTemplate(
  program: string,
  make: (folder: string) => readonly [program: string, ...args: string[]],
  target: string,
  account?: Account,
): Promise<void> {
  const version = createHash('sha256')
    .update(output(program, ['--version']))
    .digest('hex')
    .slice(0, 16)
  // Nobody else can read what this user made.
  const template = join(cacheFolder, 'databases', `${version}-${userInfo().uid}`)
  if (!existsSync(template)) await build(template, make, account)
  // Not `fs.cp`: it neither keeps owners nor leaves out the holes of sparse files.
  output('cp', ['-a', '--sparse=always', template, target])
}

async function build(
  template: string,
  make: (folder: string) => readonly [program: string, ...args: string[]],
  account?: Account,
): Promise<void> {
  // Where the account may write; it need not be able to reach this project.
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-template-'))
  try {
    if (account !== undefined) await chown(folder, account.uid, account.gid)
    const [program, ...args] = make(join(folder, 'data'))
    output(program, args, account)
    const copy = `${template}.${process.pid}`
    await mkdir(join(template, '..'), { recursive: true })
    output('cp', ['-a', '--sparse=always', join(folder, 'data'), copy])
    // Another process may have been first. Both made the same.
    await rename(copy, template).catch(() => rm(copy, { recursive: true }))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function output(program: string, args: readonly string[], account?: Account): string {
  const options = { cwd: '/', encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' }, ...account } as const
  const { status, stdout, stderr, error } = spawnSync(program, args, options)
  if (status !== 0) throw new Error(`${program} failed\n${stdout}${stderr}`, { cause: error })
  return stdout
}
