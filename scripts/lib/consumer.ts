import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withPackage } from './pack.ts'
import { inProject } from './project.ts'
import { run } from './run.ts'

/** Makes a folder in which the packed package is installed as an application would have it, and removes it after `use`. */
export async function withConsumer<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-consumer-'))
  try {
    writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }\n')
    await installPackage(join(folder, 'node_modules'))
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Puts the packed package into a `node_modules`, in the place of the one that is there. */
export async function installPackage(modules: string): Promise<void> {
  rmSync(join(modules, 'sojourn'), { recursive: true, force: true })
  await withPackage((archive) => install(archive, modules))
}

/** Without npm, so that no registry is asked: the one dependency comes from where it is already installed. */
async function install(archive: string, modules: string): Promise<void> {
  const target = join(modules, 'sojourn')
  mkdirSync(target, { recursive: true })
  const { code, output } = await run('tar', ['-xzf', archive, '-C', target, '--strip-components=1'], { quiet: true })
  if (code !== 0) throw new Error(`unpacking failed\n${output}`)
  cpSync(inProject('node_modules', '@noble', 'hashes'), join(modules, '@noble', 'hashes'), { recursive: true })
}
