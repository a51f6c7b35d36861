import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './project.ts'
import { run } from './run.ts'

/** Packs what is built, as it would be published, calls `use` with the archive and removes it. */
export async function withPackage<T>(use: (archive: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-pack-'))
  try {
    // Without scripts: `prepack` would build again under the feet of the other checks.
    const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
    const { code, output } = await run('npm', args, { quiet: true, cwd: root })
    const name = /"filename": "(.+\.tgz)"/.exec(output)?.[1]
    if (code !== 0 || name === undefined) throw new Error(`npm pack failed\n${output}`)
    return await use(join(folder, name))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
