import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext, Response } from 'playwright-core'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, onTestFinished, vi } from 'vitest'
import { ensurePart } from '../../scripts/parts.ts'
import type { Told } from './application.ts'

/** What a browser's settings say of cookies. */
export type Cookies = 'refused' | 'kept'

/** A page as it stands in the browser's window. */
export interface Look extends Told {
  /** Path and query in the address bar. */
  readonly address: string
  /** Where the page's link leads. */
  readonly link: string
  /** The token in the page's form. */
  readonly field: string | undefined
}

/** An answer to a navigation: a redirect or a page. */
export interface Answered {
  /** Path and query that were asked for. */
  readonly address: string
  readonly status: number
  readonly referrerPolicy: string | undefined
  readonly cacheControl: string | undefined
  /** Names of the cookies that it sets. */
  readonly cookies: readonly string[]
}

/** A person at a browser, with one page open until the test ends. */
export interface Visitor {
  /** Types an address. */
  go(url: string): Promise<Look>
  /** The status of a page that is only fetched. */
  fetched(url: string): Promise<number>
  follow(link: string): Promise<Look>
  press(button: string): Promise<Look>
  /** Every answer so far to what was typed, followed or pressed. */
  answered(): Promise<readonly Answered[]>
  /** Names of the page's cookies that the browser holds, and what a script of the page sees after setting one. */
  cookies(): Promise<{ readonly kept: readonly string[]; readonly seen: string }>
  /** What the page is told of the page before it. */
  referrer(): Promise<string>
}

/** A running browser. */
export interface Browser {
  visitor(): Promise<Visitor>
  forgetCookies(): Promise<void>
  /** Changes the browser's setting; pages stay open. */
  choose(cookies: Cookies): Promise<void>
  close(): Promise<void>
}

/** A browser's profile, which outlives the browser. */
export interface Profile {
  /** Starts the browser; one at a time. */
  open(cookies: Cookies): Promise<Browser>
}

type Endings = (() => Promise<void>)[]

/** Makes profiles for the tests of a file; after it browsers are closed and profiles removed. */
export function useProfiles(): () => Profile {
  // A browser on a busy machine needs longer than a unit test.
  vi.setConfig({ testTimeout: 60_000 })
  const endings: Endings = []
  let program: string | undefined
  let missing = ''

  beforeAll(async () => {
    const part = await ensurePart('chromium')
    if ('missing' in part) missing = part.missing
    else program = part.path
  })
  beforeEach((context) => {
    if (program === undefined) context.skip(missing)
  })
  afterAll(async () => {
    for (const end of endings.toReversed()) await end()
  })

  return () => {
    if (program === undefined) throw new Error(missing)
    return newProfile(program, endings)
  }
}

function newProfile(executablePath: string, endings: Endings): Profile {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-browser-'))
  endings.push(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  return {
    open: async (cookies) => {
      writeSetting(folder, cookies)
      const context = await chromium.launchPersistentContext(folder, {
        executablePath,
        args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
        // The tests' servers sign their certificates themselves.
        ignoreHTTPSErrors: true,
      })
      endings.push(() => context.close())
      context.setDefaultTimeout(20_000)
      let choose: Promise<Browser['choose']> | undefined
      return {
        visitor: () => visitorIn(context),
        forgetCookies: () => context.clearCookies(),
        choose: async (choice) => (await (choose ??= settingsIn(context)))(choice),
        close: () => context.close(),
      }
    },
  }
}

// Chromium's numbers for a content setting.
const ALLOW = 1
const BLOCK = 2

/** Changes the profile as the settings page would. */
function writeSetting(folder: string, cookies: Cookies): void {
  const file = join(folder, 'Default', 'Preferences')
  mkdirSync(join(folder, 'Default'), { recursive: true })
  const preferences = JSON.parse(textOf(file) ?? '{}') as { profile?: Record<string, unknown> }
  const values = { cookies: cookies === 'kept' ? ALLOW : BLOCK }
  const profile = { ...preferences.profile, default_content_setting_values: values }
  writeFileSync(file, JSON.stringify({ ...preferences, profile }))
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** Opens the settings page, and a page of another site on which to see that what was chosen there holds. */
async function settingsIn(context: BrowserContext): Promise<Browser['choose']> {
  const settings = await context.newPage()
  await settings.goto('chrome://settings/content')
  const trial = await context.newPage()
  await trial.route('**', (route) => route.fulfill({ contentType: 'text/html', body: '' }))
  await trial.goto('http://trial.test/')
  return async (cookies) => {
    const isKept = cookies === 'kept'
    await settings.evaluate(
      `chrome.send('setDefaultValueForContentType', ['cookies', '${isKept ? 'allow' : 'block'}'])`,
    )
    // The choice goes from one process of the browser to another.
    const holds = `document.cookie = 'trial=1', (document.cookie !== '') === ${isKept}`
    await trial.waitForFunction(holds, undefined, { polling: 20 })
  }
}

const LOOK = `({
  told: document.querySelector('pre').textContent,
  link: document.querySelector('a').getAttribute('href'),
  field: document.querySelector('input[name=sid]')?.value
})`

async function visitorIn(context: BrowserContext): Promise<Visitor> {
  const page = await context.newPage()
  onTestFinished(() => page.close())
  const responses: Response[] = []
  page.on('response', (response) => {
    if (response.request().isNavigationRequest()) responses.push(response)
  })
  const look = async (): Promise<Look> => {
    const { told, ...rest } = await page.evaluate<Pick<Look, 'link' | 'field'> & { told: string }>(LOOK)
    return { ...(JSON.parse(told) as Told), ...rest, address: addressOf(page.url()) }
  }
  const click = async (role: 'link' | 'button', name: string): Promise<Look> => {
    await Promise.all([page.waitForEvent('domcontentloaded'), page.getByRole(role, { name }).click()])
    return look()
  }
  return {
    go: async (url) => {
      await page.goto(url)
      return look()
    },
    fetched: (url) => page.evaluate<number>(`fetch(${JSON.stringify(url)}).then(({ status }) => status)`),
    follow: (link) => click('link', link),
    press: (button) => click('button', button),
    answered: () => Promise.all(responses.map(answeredBy)),
    cookies: async () => ({
      seen: await page.evaluate<string>("document.cookie = 'script=1'; document.cookie"),
      kept: (await context.cookies(page.url())).map(({ name }) => name),
    }),
    referrer: () => page.evaluate<string>('document.referrer'),
  }
}

async function answeredBy(response: Response): Promise<Answered> {
  const headers = await response.allHeaders()
  return {
    address: addressOf(response.url()),
    status: response.status(),
    referrerPolicy: headers['referrer-policy'],
    cacheControl: headers['cache-control'],
    cookies: headers['set-cookie']?.split('\n').map((line) => line.split('=', 1)[0] ?? '') ?? [],
  }
}

function addressOf(url: string): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}
