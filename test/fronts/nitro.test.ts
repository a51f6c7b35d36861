import { execFile } from 'node:child_process'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { installLocked } from '../../scripts/lib/install.mjs'
import { complaintsOfCompiler } from '../support/compile.ts'
import type { Program } from '../support/program.ts'
import { emptyFolder, filesOf, start, writeFiles } from '../support/program.ts'
import { expectSessionsKept, missingClients } from './outside-clients.ts'

const run = promisify(execFile)
const here = fileURLToPath(new URL('nitro', import.meta.url))

// The second is built on h3 as it is now and bundles with another program; by the names in nitro/package.json.
const versions = [
  { name: 'Nitro 3.0', installed: 'nitro' },
  { name: 'the next Nitro', installed: 'nitro-next' },
]

/** What the document's application does not have. */
const MORE_ROUTES: ReadonlyMap<string, string> = new Map([
  ['routes/plain.ts', "export default () => 'nothing of the session'\n"],
  [
    'routes/ambient.ts',
    "import { sessions } from '../sessions.ts'\n" +
      'export default () => `${sessions.current()?.data.visits} of ${sessions.current()?.subject}`\n',
  ],
  [
    'routes/fail.ts',
    "import { home, sessions } from '../sessions.ts'\n" +
      "export default () => {\n  home(sessions.current()!)\n  throw new Error('on purpose')\n}\n",
  ],
])

beforeAll(() => void (isInstalled = installLocked(here)), 300_000)
beforeEach(({ skip }) => {
  if (!isInstalled) skip('the packages of test/fronts/nitro could not be installed')
})
let isInstalled = false

/** A folder with the application of the document, and Nitro. */
async function applicationFor(nitro: string): Promise<{ folder: string; files: Map<string, string> }> {
  const folder = await emptyFolder()
  await symlink(join(here, 'node_modules', nitro), join(folder, 'node_modules', 'nitro'))
  const files = [...(await filesOf('docs/fronts.md'))].filter(([name]) => {
    return name.includes('/') || ['nitro.config.ts', 'sessions.ts'].includes(name)
  })
  expect(files).toHaveLength(5)
  return { folder, files: new Map(files) }
}

/** Builds the application as a person would, without asking any registry. */
async function build(folder: string, files: ReadonlyMap<string, string>): Promise<string> {
  await writeFiles(folder, files)
  const program = join(folder, 'node_modules', 'nitro', 'dist', 'cli', 'index.mjs')
  await run(process.execPath, [program, 'build'], { cwd: folder, env: { ...process.env, NODE_ENV: '' } })
  return join('.output', 'server', 'index.mjs')
}

const serve = (folder: string, main: string): Promise<Program> => start(folder, new Map(), main)

/** A client that keeps its cookie. */
function visitor(): (program: Program, path: string, method?: string) => Promise<{ page: string; cookies: string[] }> {
  let cookie = ''
  return async ({ address }, path, method = 'GET') => {
    const response = await fetch(address + path, { method, redirect: 'manual', headers: { cookie } })
    const cookies = response.headers.getSetCookie()
    for (const line of cookies) cookie = /max-age=0/i.test(line) ? '' : (line.split(';')[0] ?? '')
    const location = response.headers.get('location')
    return { page: location === null ? await response.text() : `to ${location}`, cookies }
  }
}

describe.each(versions)('an application built with $name', { timeout: 120_000 }, ({ installed }) => {
  it("keeps the session of curl, of Python's http.cookiejar and of a browser", async ({ skip }) => {
    const { folder, files } = await applicationFor(installed)
    const program = await serve(folder, await build(folder, files))
    await expectSessionsKept(program.address, folder)
    expect(program.complaints()).toBe('')
    for (const reason of missingClients) skip(reason)
  })

  it('loses nothing when the server is killed and started again', async () => {
    const { folder, files } = await applicationFor(installed)
    const setUp = files.get('sessions.ts') ?? ''
    const onDisk = setUp
      .replace("{ memoryStore } from 'sojourn/stores/memory'", "{ sqliteStore } from 'sojourn/stores/sqlite'")
      .replace('memoryStore()', "sqliteStore({ path: 'sessions.db' })")
    expect(onDisk).not.toContain('memory')
    const main = await build(folder, new Map([...files, ['sessions.ts', onDisk]]))
    const ask = visitor()
    const before = await serve(folder, main)
    expect((await ask(before, '/')).page).toBe('Visit 1 of somebody\n')
    expect(await ask(before, '/login', 'POST')).toMatchObject({ page: 'to /', cookies: [expect.any(String)] })
    expect(await ask(before, '/')).toEqual({ page: 'Visit 2 of ann\n', cookies: [] })
    await before.kill()
    const after = await serve(folder, main)
    expect(await ask(after, '/')).toEqual({ page: 'Visit 3 of ann\n', cookies: [] })
    expect((await ask(after, '/logout', 'POST')).page).toBe('to /')
    expect((await ask(after, '/')).page).toBe('Visit 1 of somebody\n')
  })

  it('knows the session in any module, saves it when a route throws, and sets no cookie where none is used', async () => {
    const { folder, files } = await applicationFor(installed)
    const program = await serve(folder, await build(folder, new Map([...files, ...MORE_ROUTES])))
    const ask = visitor()
    expect(await ask(program, '/plain')).toEqual({ page: 'nothing of the session', cookies: [] })
    expect((await ask(program, '/')).cookies).toHaveLength(1)
    const failed = await ask(program, '/fail')
    expect(failed.page).not.toContain('Visit')
    expect(failed.page).not.toContain('on purpose')
    expect((await ask(program, '/ambient')).page).toBe('2 of undefined')
    const newcomer = visitor()
    expect((await newcomer(program, '/fail')).cookies).toHaveLength(1)
    expect((await newcomer(program, '/ambient')).page).toBe('1 of undefined')
  })
})

it('the programs for Nitro are such that a strict compiler takes them', { timeout: 60_000 }, async () => {
  const { folder, files } = await applicationFor('nitro')
  expect(complaintsOfCompiler(folder, files)).toEqual([])
})
