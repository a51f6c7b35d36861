import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The n-th TypeScript block of a document. */
async function blockOf(document: string, index: number): Promise<string> {
  const text = await readFile(join(root, document), 'utf8')
  return [...text.matchAll(/```ts\n(.*?)```/gs)][index]?.[1] ?? ''
}

/** A folder in which the built package is installed. */
async function installed(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'node_modules'))
  await symlink(root, join(folder, 'node_modules', 'sojourn'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  return folder
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

describe('the documents', () => {
  it('show a first program that runs as it is written', { timeout: 60_000 }, async () => {
    const folder = await installed()
    const port = await freePort()
    const program = (await blockOf('README.md', 0)).replace('3000', String(port))
    await writeFile(join(folder, 'server.ts'), program)
    const child = spawn(process.execPath, ['server.ts'], { cwd: folder, stdio: 'ignore' })
    onTestFinished(() => void child.kill('SIGKILL'))
    const first = await firstAnswer(`http://127.0.0.1:${port}/`, child)
    const cookie = first.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const second = await fetch(`http://127.0.0.1:${port}/`, { headers: { cookie } })
    expect([await first.text(), await second.text()]).toEqual(['Visit 1\n', 'Visit 2\n'])
  })

  it('show store authors a test file that runs as it is written', { timeout: 60_000 }, async () => {
    const folder = await installed()
    await writeFile(join(folder, 'my-store.js'), `export { memoryStore as myStore } from 'sojourn/stores/memory'\n`)
    await writeFile(join(folder, 'my-store.test.ts'), await blockOf('docs/writing-a-store.md', 0))
    const child = spawn(process.execPath, ['--test', 'my-store.test.ts'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let output = ''
    for await (const chunk of child.stdout) output += String(chunk)
    expect(output).toMatch(/pass [1-9]\d/)
    expect(output).toMatch(/fail 0/)
  })
})

async function firstAnswer(address: string, child: { readonly exitCode: number | null }): Promise<Response> {
  for (;;) {
    try {
      return await fetch(address)
    } catch (error) {
      if (child.exitCode !== null) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
