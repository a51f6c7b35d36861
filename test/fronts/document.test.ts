import { execFile } from 'node:child_process'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Browser } from 'playwright-core'
import { chromium } from 'playwright-core'
import prettier from 'prettier'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { ensurePart } from '../../scripts/parts.ts'
import { emptyFolder, filesOf, start } from '../support/program.ts'
import { drivers } from './drivers/all.ts'
import { selfSigned } from './drivers/servers.ts'
import { frontCases } from './table.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const DOCUMENT = 'docs/fronts.md'

interface Example {
  readonly name: string
  /** The file to start. */
  readonly main: string
  /** The packages it needs, by the names under which the program asks for them. */
  readonly packages?: Readonly<Record<string, string>>
  readonly isSecure?: boolean
}

const examples: readonly Example[] = [
  { name: 'node:http', main: 'node-http.ts' },
  { name: 'node:https', main: 'node-https.ts', isSecure: true },
  { name: 'node:http2', main: 'node-http2.ts', isSecure: true },
  { name: 'Express 4', main: 'express.ts', packages: { express: 'express4' } },
  { name: 'Express 5', main: 'express.ts', packages: { express: 'express' } },
  { name: 'Fastify', main: 'fastify.ts', packages: { fastify: 'fastify', '@fastify/formbody': '@fastify/formbody' } },
  { name: 'Koa', main: 'koa.ts', packages: { koa: 'koa' } },
  { name: 'Hono', main: 'hono.ts', packages: { hono: 'hono', '@hono/node-server': '@hono/node-server' } },
  { name: 'h3', main: 'h3.ts', packages: { h3: 'h3' } },
  { name: 'fetch', main: 'serve.ts', packages: { srvx: 'srvx' } },
]

async function install(folder: string, packages: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, installed] of Object.entries(packages)) {
    const target = join(folder, 'node_modules', name)
    await mkdir(join(target, '..'), { recursive: true })
    await symlink(join(root, 'node_modules', installed), target)
  }
}

/** Where the program of the document answers, and a folder beside it. */
async function started({ main, packages = {}, isSecure }: Example): Promise<{ address: string; folder: string }> {
  const folder = await emptyFolder()
  await install(folder, packages)
  if (isSecure) {
    const { key, cert } = selfSigned()
    await writeFile(join(folder, 'key.pem'), key)
    await writeFile(join(folder, 'cert.pem'), cert)
  }
  const { address, complaints } = await start(folder, await filesOf(DOCUMENT), main)
  onTestFinished(() => expect(complaints().replaceAll(/^.*ExperimentalWarning.*$/gm, '')).toBe(''))
  return { address: isSecure ? address.replace('http:', 'https:') : address, folder }
}

/** What each of the clients is to see on its way. */
const STEPS: readonly (readonly [deed: string, page: string])[] = [
  ['GET /', 'Visit 1 of somebody\n'],
  ['GET /', 'Visit 2 of somebody\n'],
  ['POST /login', 'Visit 3 of ann\n'],
  ['GET /', 'Visit 4 of ann\n'],
  ['POST /logout', 'Visit 1 of somebody\n'],
  ['GET /', 'Visit 2 of somebody\n'],
]

const PYTHON = `
import http.cookiejar, json, ssl, sys, urllib.request
context = ssl._create_unverified_context()
jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
opener = urllib.request.build_opener(jar, urllib.request.HTTPSHandler(context=context))
pages = []
for step in sys.argv[2:]:
    method, path = step.split()
    data = b'' if method == 'POST' else None
    pages.append(opener.open(urllib.request.Request(sys.argv[1] + path, data=data)).read().decode())
print(json.dumps(pages))
`

/** What a client sees on its way, when it keeps its cookies. */
type Client = (program: string, address: string, folder: string) => Promise<readonly string[]>

const clients: Readonly<Record<'curl' | 'python3' | 'chromium', Client>> = {
  curl: async (curl, address, folder) => {
    const pages: string[] = []
    for (const [deed] of STEPS) {
      const [method = '', path = ''] = deed.split(' ')
      const send = method === 'POST' ? ['--data', ''] : []
      const jar = ['--cookie-jar', 'jar', '--cookie', 'jar']
      pages.push((await run(curl, ['-skL', ...jar, ...send, address + path], { cwd: folder })).stdout)
    }
    return pages
  },
  python3: async (python, address) => {
    const { stdout } = await run(python, ['-c', PYTHON, address, ...STEPS.map(([deed]) => deed)])
    return JSON.parse(stdout) as string[]
  },
  chromium: async (executablePath, address) => {
    browser ??= chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
    const context = await (await browser).newContext({ ignoreHTTPSErrors: true })
    onTestFinished(() => context.close())
    const page = await context.newPage()
    const pages: string[] = []
    for (const [deed] of STEPS) {
      const [method = '', path = ''] = deed.split(' ')
      if (method === 'GET') await page.goto(address + path)
      else {
        await page.setContent(`<form method="post" action="${address}${path}"><button>go</button></form>`)
        await Promise.all([page.waitForURL(`${address}/`), page.getByRole('button').click()])
      }
      pages.push(`${(await page.locator('body').innerText()).trim()}\n`)
    }
    return pages
  },
}

let browser: Promise<Browser> | undefined
afterAll(async () => (await browser)?.close())

it.each(examples)(
  "the program for $name keeps the session of curl, of Python's http.cookiejar and of a browser",
  { timeout: 60_000 },
  async (example) => {
    const { address, folder } = await started(example)
    for (const [name, client] of Object.entries(clients)) {
      const part = await ensurePart(name as keyof typeof clients)
      if ('missing' in part) missing.add(part.missing)
      else expect(await client(part.path, address, folder), name).toEqual(STEPS.map(([, page]) => page))
    }
  },
)

const missing = new Set<string>()

it('every client is there', ({ skip }) => {
  for (const reason of missing) skip(reason)
})

describe('the document', () => {
  it('has only programs that a strict compiler takes', { timeout: 60_000 }, async () => {
    const folder = await emptyFolder()
    const names = ['express', 'fastify', 'koa', 'hono', 'h3', 'srvx', '@hono/node-server', '@fastify/formbody']
    const types = ['@types/node', '@types/express', '@types/koa']
    await install(folder, Object.fromEntries([...names, ...types].map((name) => [name, name])))
    const files = await filesOf(DOCUMENT)
    for (const [name, code] of files) await writeFile(join(folder, name), code)
    const flags =
      '--noEmit --strict --module nodenext --target es2024 --lib es2024 --skipLibCheck --allowImportingTsExtensions'
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const options = [...flags.split(' '), '--exactOptionalPropertyTypes', '--types', 'node']
    const { stdout } = await run(process.execPath, [tsc, ...options, ...files.keys()], { cwd: folder }).catch(
      (error: { stdout: string }) => error,
    )
    expect(stdout).toBe('')
  })

  it('says what each front passes, as the table of behaviour has it', async () => {
    const path = join(root, DOCUMENT)
    const text = await readFile(path, 'utf8')
    const made = text.replace(/(<!-- made by .*? -->\n).*?(<!-- end -->)/s, (_all, head: string, end: string) => {
      return `${head}\n${tableOfFronts()}\n${end}`
    })
    const formatted = await prettier.format(made, { ...(await prettier.resolveConfig(path)), parser: 'markdown' })
    await expect(formatted).toMatchFileSnapshot(path)
  })
})

/** Rows are cases, columns fronts; a cell that is left out points to its reason. */
function tableOfFronts(): string {
  const reasons: string[] = []
  const cell = (reason: string | undefined): string => {
    if (reason === undefined) return '✓'
    if (!reasons.includes(reason)) reasons.push(reason)
    return `(${reasons.indexOf(reason) + 1})`
  }
  const titles = frontCases().map(({ title }) => title)
  for (const { name, leavesOut = {} } of drivers) {
    for (const title of Object.keys(leavesOut)) expect(titles, name).toContain(title)
  }
  const lines = titles.map((title) => [title, ...drivers.map(({ leavesOut }) => cell(leavesOut?.[title]))])
  const head = ['', ...drivers.map(({ name }) => name)]
  const rows = [head, head.map((_, at) => (at === 0 ? '---' : ':-:')), ...lines].map((row) => `| ${row.join(' | ')} |`)
  return [...rows, '', ...reasons.map((reason, at) => `${at + 1}. ${reason}`), ''].join('\n')
}
