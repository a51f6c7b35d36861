import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import prettier from 'prettier'
import { describe, expect, it, onTestFinished } from 'vitest'
import { addPackages, emptyFolder, filesOf, start } from '../support/program.ts'
import { drivers } from './drivers/all.ts'
import { selfSigned } from './drivers/servers.ts'
import { expectSessionsKept, missingClients } from './outside-clients.ts'
import { frontCases } from './table.ts'

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

/** The programs that stand in one folder: not Nitro's, which has tests of its own. */
async function programs(): Promise<Map<string, string>> {
  const files = await filesOf(DOCUMENT)
  return new Map([...files].filter(([name]) => !name.includes('/') && name !== 'nitro.config.ts'))
}

/** The same, without the line that the document says to leave out where there is https. */
async function securePrograms(): Promise<ReadonlyMap<string, string>> {
  const files = await programs()
  const setUp = files.get('sessions.ts')?.replace(/^.*leave this line out where there is https\n/m, '') ?? ''
  expect(setUp).not.toContain('insecure')
  return files.set('sessions.ts', setUp)
}

/** Where the program of the document answers, and a folder beside it. */
async function started({ main, packages = {}, isSecure }: Example): Promise<{ address: string; folder: string }> {
  const folder = await emptyFolder()
  await addPackages(folder, packages)
  if (isSecure) {
    const { key, cert } = selfSigned()
    await writeFile(join(folder, 'key.pem'), key)
    await writeFile(join(folder, 'cert.pem'), cert)
  }
  const files = await (isSecure ? securePrograms() : programs())
  const { address, complaints } = await start(folder, files, main)
  onTestFinished(() => expect(complaints().replaceAll(/^.*ExperimentalWarning.*$/gm, '')).toBe(''))
  return { address: isSecure ? address.replace('http:', 'https:') : address, folder }
}

it.each(examples)(
  "the program for $name keeps the session of curl, of Python's http.cookiejar and of a browser",
  { timeout: 60_000 },
  async (example) => {
    const { address, folder } = await started(example)
    await expectSessionsKept(address, folder)
  },
)

it('every client is there', ({ skip }) => {
  for (const reason of missingClients) skip(reason)
})

describe('the document', () => {
  it.each([
    [DOCUMENT, tableOfFronts],
    ['README.md', summaryOfFronts],
  ])('%s says what each front passes, as the table of behaviour has it', async (document, made) => {
    const path = join(root, document)
    const text = await readFile(path, 'utf8')
    const current = text.replace(/(<!-- made by .*? -->\n).*?(<!-- end -->)/s, (_all, head: string, end: string) => {
      return `${head}\n${made()}\n${end}`
    })
    const formatted = await prettier.format(current, { ...(await prettier.resolveConfig(path)), parser: 'markdown' })
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

/** A line for each front: how much of the table it passes, and why not more. */
function summaryOfFronts(): string {
  const count = frontCases().length
  const lines = drivers.map(({ name, leavesOut = {} }) => {
    const reasons = Object.entries(leavesOut).map(([title, reason]) => `${title}: ${reason}`)
    return `| ${name} | ${count - reasons.length} of ${count} | ${reasons.join('; ')} |`
  })
  return ['| front | passes | left out |', '| --- | --- | --- |', ...lines, ''].join('\n')
}
