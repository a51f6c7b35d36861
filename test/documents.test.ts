import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { emptyFolder, filesOf, start, writeFiles } from './support/program.ts'

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
  it('show a first program that runs as it is written (F17)', { timeout: 60_000 }, async () => {
    const folder = await installed()
    await symlink(join(root, 'node_modules', 'express'), join(folder, 'node_modules', 'express'))
    const port = await freePort()
    const program = (await blockOf('README.md', 0)).replace('3000', String(port))
    await writeFile(join(folder, 'server.ts'), program)
    const child = spawn(process.execPath, ['server.ts'], { cwd: folder, stdio: 'ignore' })
    onTestFinished(() => void child.kill('SIGKILL'))
    const address = `http://127.0.0.1:${port}`
    const first = await firstAnswer(address, child)
    expect(first.headers.getSetCookie()).toEqual([])
    let cookie = ''
    const post = async (path: string): Promise<void> => {
      const { headers } = await fetch(address + path, { method: 'POST', redirect: 'manual', headers: { cookie } })
      cookie = headers.getSetCookie()[0]?.split(';')[0] ?? cookie
    }
    const page = async (): Promise<string> => (await fetch(address, { headers: { cookie } })).text()
    await post('/cart')
    expect([await first.text(), await page()]).toEqual([
      'Somebody has 0 things in the cart\n',
      'Somebody has 1 things in the cart\n',
    ])
    await post('/login')
    await post('/cart')
    expect(await page()).toBe('ann has 2 things in the cart\n')
    await post('/logout')
    expect(await page()).toBe('Somebody has 0 things in the cart\n')
  })

  it('show tests of an application that pass as they are written (F10)', { timeout: 60_000 }, async () => {
    const folder = await emptyFolder(['express', 'supertest'])
    await writeFiles(folder, await filesOf('docs/testing-an-application.md'))
    expect(await outputOfTests(folder, 'app.test.ts')).toMatch(/pass 3\n.*fail 0\n/s)
  })

  it(
    'show a guard that refuses forms of other sites and takes those of its own page',
    { timeout: 60_000 },
    async () => {
      const folder = await emptyFolder(['express'])
      const { address } = await start(folder, await filesOf('docs/csrf.md'), 'server.ts')
      const first = await fetch(address)
      const headers = { cookie: first.headers.getSetCookie()[0]?.split(';')[0] ?? '' }
      const token = /name="_csrf" value="([^"]+)"/.exec(await first.text())?.[1] ?? ''
      const post = (_csrf: string, origin = address): Promise<Response> =>
        fetch(`${address}/notes`, {
          method: 'POST',
          redirect: 'manual',
          headers: { ...headers, origin },
          body: new URLSearchParams({ _csrf }),
        })
      const statuses = [await post(''), await post(token, 'https://evil.example'), await post(token)]
      expect(statuses.map(({ status }) => status)).toEqual([403, 403, 303])
      expect(await (await fetch(address, { headers })).text()).toContain('1 notes')
    },
  )

  it('show store authors a test file that runs as it is written', { timeout: 60_000 }, async () => {
    const folder = await installed()
    await writeFile(join(folder, 'my-store.js'), `export { memoryStore as myStore } from 'sojourn/stores/memory'\n`)
    await writeFile(join(folder, 'my-store.test.ts'), await blockOf('docs/writing-a-store.md', 0))
    const output = await outputOfTests(folder, 'my-store.test.ts')
    expect(output).toMatch(/pass [1-9]\d/)
    expect(output).toMatch(/fail 0/)
  })
})

async function outputOfTests(folder: string, file: string): Promise<string> {
  const child = spawn(process.execPath, ['--test', file], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  for await (const chunk of child.stdout) output += String(chunk)
  return output
}

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
