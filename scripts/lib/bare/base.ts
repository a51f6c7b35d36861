import { existsSync, globSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../run.ts'
import { withFolder, workFolder } from './folder.ts'
import { runIsolated } from './isolated.ts'

/** The folder of a Debian that holds nothing but the smallest system, certificates and git. Made once, then kept. */
export async function baseSystem(debootstrap: string): Promise<string> {
  const release = releaseIn(readFileSync('/etc/os-release', 'utf8'))
  const base = join(workFolder(), `base-${release}`)
  if (existsSync(base)) return base
  console.log(`bare: making Debian ${release} by debootstrap; half a minute, or a few on a slow line`)
  await withFolder(async (folder, keeper) => {
    const [system, logPath] = [join(folder, 'system'), join(folder, 'log')]
    const options = ['--variant=minbase', '--include=ca-certificates,git']
    const command = [debootstrap, ...options, release, system, ...(await mirrorsOf(release)).slice(0, 1)]
    if ((await runIsolated(keeper, command, { logPath })) !== 0) {
      throw new Error(`debootstrap failed\n${readFileSync(logPath, 'utf8').slice(-2_000)}`)
    }
    for (const file of globSync(join(system, 'var/cache/apt/archives/*.deb'))) rmSync(file)
    // Another run may have been first. Both made the same.
    if (!existsSync(base)) renameSync(system, base)
  })
  return base
}

function releaseIn(osRelease: string): string {
  const release = /^VERSION_CODENAME="?(\w+)/m.exec(osRelease)?.[1]
  if (release === undefined) throw new Error('this Debian does not tell the name of its release')
  return release
}

/** The mirrors that this machine has the release from. With none, debootstrap takes its own. */
async function mirrorsOf(release: string): Promise<string[]> {
  const format = ['--format', '$(RELEASE) $(COMPONENT) $(REPO_URI)', 'Created-By: Packages']
  const { output } = await run('apt-get', ['indextargets', ...format], { quiet: true })
  const start = `${release} main http`
  return output.split('\n').flatMap((line) => (line.startsWith(start) ? line.slice(start.length - 'http'.length) : []))
}
