import type { Browser, BrowserContext, Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest'
import { ensurePart } from '../../../scripts/parts.ts'
import type { RunningServer, ServerOptions } from './server.ts'
import { startServer, temporaryFolder } from './server.ts'

/** The application and a browser, shared by the tests of a file; each test opens visitors of its own. */
export interface Stage {
  readonly server: RunningServer
  /** A browser with no past: cookies of its own. */
  readonly visitor: (options?: { userAgent?: string }) => Promise<Visitor>
}

export interface Visitor {
  readonly context: BrowserContext
  readonly page: Page
  /** Opens a path of the application. */
  readonly go: (path: string) => Promise<void>
  /** The session's cookie as it is now. */
  readonly cookie: () => Promise<string | undefined>
}

/** Starts both before the file's tests; the returned function gives them inside a test. */
export function useStage(options: Partial<ServerOptions> = {}): () => Stage {
  const folder = temporaryFolder()
  let server: RunningServer | undefined
  const visitorOf = useBrowser()
  beforeAll(async () => {
    server = await startServer({ dataFolder: folder.path, ...options })
  })
  afterAll(async () => {
    await server?.stop()
    folder.remove()
  })
  return () => {
    if (server === undefined) throw new Error('the stage is not set')
    const { url } = server
    return { server, visitor: (options) => visitorOf(url, options) }
  }
}

/** Starts a browser before the file's tests; the returned function opens visitors of the application at an address. */
export function useBrowser(): (baseURL: string, options?: { userAgent?: string }) => Promise<Visitor> {
  // A browser on a busy machine needs longer than a unit test.
  vi.setConfig({ testTimeout: 60_000 })
  const contexts: BrowserContext[] = []
  let browser: Browser | undefined
  let missing: string | undefined

  beforeAll(async () => {
    const part = await ensurePart('chromium')
    if ('missing' in part) {
      missing = part.missing
      return
    }
    browser = await chromium.launch({
      executablePath: part.path,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    })
  })
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing)
  })
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close()
  })
  afterAll(() => browser?.close())

  return async (baseURL, options = {}) => {
    if (browser === undefined) throw new Error('the browser has not been started')
    const context = await browser.newContext({ baseURL, ...options })
    contexts.push(context)
    context.setDefaultTimeout(20_000)
    const page = await context.newPage()
    return {
      context,
      page,
      go: async (path) => void (await page.goto(path)),
      cookie: async () => (await context.cookies()).find(({ name }) => name === 'id')?.value,
    }
  }
}
