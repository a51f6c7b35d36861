import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { addPackages, writeFiles } from './program.ts'

const run = promisify(execFile)
const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))

const FLAGS =
  '--noEmit --strict --exactOptionalPropertyTypes --module nodenext --target es2024 --lib es2024 --types node ' +
  '--skipLibCheck --allowImportingTsExtensions'

/** What a strict compiler says of the programs, which stand in the folder with the packages that they need. */
export async function complaintsOfCompiler(folder: string, files: ReadonlyMap<string, string>): Promise<string> {
  await addPackages(folder, { '@types/node': '@types/node' })
  await writeFiles(folder, files)
  const compiled = run(process.execPath, [tsc, ...FLAGS.split(' '), ...files.keys()], { cwd: folder })
  const { stdout } = await compiled.catch((error: { stdout: string }) => error)
  return stdout
}
