import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { sourceOf, subpaths } from '../../scripts/lib/exports.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A program of a document, running as it is written there, but for its port. */
export interface Program {
  readonly address: string
  /** What it wrote to standard error. */
  readonly complaints: () => string
  /** Ends it at once, as a crash would. */
  readonly kill: () => Promise<void>
}

/** The TypeScript blocks of a document that begin with `// <file>`, by the name of the file. */
export async function filesOf(document: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(join(root, document), 'utf8')
  const blocks = [...text.matchAll(/```ts\n(\/\/ (\S+\.ts)\n.*?)```/gs)]
  return new Map(blocks.map(([, code = '', name = '']) => [name, code]))
}

/** What a document shows being typed, with what it shows in answer. */
export async function transcriptOf(document: string): Promise<readonly (readonly [command: string, output: string])[]> {
  const text = await readFile(join(root, document), 'utf8')
  const blocks = [...text.matchAll(/```console\n(.*?)```/gs)].map(([, block = '']) => block)
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)] as const),
  )
}

/** An empty folder in which this package is installed: its sources, so that no build must have run. */
export async function emptyFolder(packages: readonly string[] = []): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  // A copy, and not below node_modules, where Node runs no TypeScript.
  const copy = join(folder, 'sojourn')
  await cp(join(root, 'src'), join(copy, 'src'), { recursive: true })
  const exports: Record<string, string> = {}
  for (const { specifier, file } of subpaths) {
    exports[specifier.replace('sojourn', '.')] = `./${relative(root, sourceOf(file))}`
  }
  const imports = { '#platform': './src/platform/node.ts' }
  await writeFile(join(copy, 'package.json'), JSON.stringify({ type: 'module', imports, exports }))
  await mkdir(join(folder, 'node_modules'))
  await symlink(copy, join(folder, 'node_modules', 'sojourn'))
  await addPackages(folder, Object.fromEntries(packages.map((name) => [name, name])))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  return folder
}

/** Adds packages of this project to a folder, by the names under which its programs ask for them. */
export async function addPackages(folder: string, packages: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, installed] of Object.entries(packages)) {
    const target = join(folder, 'node_modules', name)
    await mkdir(dirname(target), { recursive: true })
    await symlink(join(root, 'node_modules', installed), target)
  }
}

/** Puts files into a folder and into folders below it. */
export async function writeFiles(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, code] of files) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), code)
  }
}

/** Puts files into a folder and starts one of them; a free port takes the place of 3000. Over when the test is. */
export async function start(folder: string, files: ReadonlyMap<string, string>, main: string): Promise<Program> {
  const port = await freePort()
  await writeFiles(folder, new Map([...files].map(([name, code]) => [name, code.replaceAll('3000', String(port))])))
  // For servers that are told their port by the environment.
  const env = { ...process.env, PORT: String(port) }
  const child = spawn(process.execPath, [main], { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] })
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  onTestFinished(kill)
  const address = `http://127.0.0.1:${port}`
  await answering(address, child, () => complaints)
  return { address, complaints: () => complaints, kill }
}

async function answering(address: string, child: ChildProcess, complaints: () => string): Promise<void> {
  for (;;) {
    try {
      await fetch(address, { redirect: 'manual' })
      return
    } catch (error) {
      // It listens, and speaks something else than plain http.
      if (!isRefused(error)) return
      if (child.exitCode !== null) throw new Error(complaints(), { cause: error })
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error.cause ?? {}, 'code') === 'ECONNREFUSED'
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
