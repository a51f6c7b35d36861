import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Browser } from 'playwright-core'
import { chromium } from 'playwright-core'
import { afterAll, expect, onTestFinished } from 'vitest'
import { ensurePart } from '../../scripts/parts.ts'

const run = promisify(execFile)

/** What each of the clients is to see of the application of docs/fronts.md. */
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

/** Why clients were left out so far. */
export const missingClients: Set<string> = new Set<string>()

/** Visits, signs in and signs out with curl, with Python's http.cookiejar and with a browser. */
export async function expectSessionsKept(address: string, folder: string): Promise<void> {
  for (const [name, client] of Object.entries(clients)) {
    const part = await ensurePart(name as keyof typeof clients)
    if ('missing' in part) missingClients.add(part.missing)
    else expect(await client(part.path, address, folder), name).toEqual(STEPS.map(([, page]) => page))
  }
}
