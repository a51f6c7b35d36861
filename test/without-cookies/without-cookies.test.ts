import type { Carrier, Session } from 'sojourn'
import { cookieCarrier, createSessions } from 'sojourn'
import { formCarrier } from 'sojourn/carriers/form'
import type { UrlCarrier } from 'sojourn/carriers/url'
import { urlCarrier } from 'sojourn/carriers/url'
import { memoryStore } from 'sojourn/stores/memory'
import type { Page } from 'playwright-core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensurePart } from '../../scripts/parts.ts'
import type { Driver, Running, Visit } from '../fronts/driver.ts'
import { drivers } from '../fronts/drivers/all.ts'
import type { Profile, Window } from './browser.ts'
import { newProfile } from './browser.ts'

// The browser speaks plain http/1 here: the servers of the other drivers are reached by the same fronts.
const PLAIN = drivers.filter(({ name }) => !/https|http2/.test(name))

let chromium = ''
let profile: Profile
const endings: (() => Promise<unknown>)[] = []

beforeEach(async (context) => {
  const part = await ensurePart('chromium')
  if ('missing' in part) return context.skip(part.missing)
  chromium = part.path
  profile = await newProfile(chromium)
  endings.push(() => profile.remove())
})
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end()
})

/** A page that counts, with a link to itself and a form to itself. */
async function start(driver: Driver, url: UrlCarrier = urlCarrier()): Promise<string> {
  const form = formCarrier()
  const carriers: readonly Carrier[] = [cookieCarrier({ insecureDevelopment: true }), url, form]
  const sessions = createSessions<Visit>({ store: memoryStore(), carriers })
  const page = (session: Session<Visit>): string => {
    session.data.count = (session.data.count ?? 0) + 1
    const link = `<a id="link" href="${url.link(session, '/')}">again</a>`
    const field = `<form method="post" action="/">${form.field(session)}<button>again</button></form>`
    return `<!doctype html><p id="count">${session.data.count}</p>${link}${field}`
  }
  const running: Running = await driver.start({
    sessions,
    form: true,
    handle: ({ session, path }) =>
      path === '/'
        ? { headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: page(session) }
        : { status: 404, body: 'not found' },
  })
  endings.push(() => running.close())
  return `http://127.0.0.1:${running.endpoint.port}/`
}

async function open(keepsCookies: boolean): Promise<Window> {
  const window = await profile.open({ keepsCookies })
  endings.push(() => window.context.close())
  return window
}

const countOn = async (page: Page): Promise<number> => Number(await page.textContent('#count'))

async function press(page: Page, what: '#link' | 'button'): Promise<number> {
  const before = await countOn(page)
  await page.click(what)
  const others = page.locator('#count').and(page.locator(`:not(:text-is("${before}"))`))
  await others.waitFor()
  return countOn(page)
}

describe.each(PLAIN.map((driver) => [driver.name, driver] as const))('without cookies, through %s', (_, driver) => {
  it(
    'Y2 W18: links and form fields continue the session of a browser that refuses cookies',
    { timeout: 60_000 },
    async () => {
      const address = await start(driver)
      const { page, context, responses } = await open(false)
      await page.goto(address)
      expect(await countOn(page)).toBe(1)
      const counts = [await press(page, '#link'), await press(page, '#link')]
      expect(new URL(page.url()).searchParams.get('sid')).toMatch(/^[\w-]{46}$/)
      counts.push(await press(page, 'button'), await press(page, 'button'), await press(page, '#link'))
      expect(counts).toEqual([2, 3, 4, 5, 6])
      expect(await context.cookies()).toEqual([])
      for (const response of responses.filter((one) => one.status() === 200)) {
        expect(response.headers()['referrer-policy']).toBe('no-referrer')
        expect(response.headers()['cache-control']).toContain('no-store')
      }
    },
  )

  it('Y3: a browser that keeps cookies never sees a token in an address or a form', { timeout: 60_000 }, async () => {
    const address = await start(driver)
    const { page, context, responses } = await open(true)
    await page.goto(address)
    const counts = [await countOn(page), await press(page, '#link'), await press(page, 'button')]
    expect(counts).toEqual([1, 2, 3])
    expect(page.url()).toBe(address)
    expect(await page.content()).not.toContain('sid')
    for (const response of responses) expect(response.url()).not.toContain('sid=')
    expect((await context.cookies()).map(({ name }) => name)).toContain('id')
  })

  it(
    'Y3: as soon as cookies work, the session goes on in the cookie, and links are clean',
    { timeout: 60_000 },
    async () => {
      const address = await start(driver)
      const before = await open(false)
      await before.page.goto(address)
      expect([await press(before.page, '#link'), await press(before.page, '#link')]).toEqual([2, 3])
      const withToken = before.page.url()
      await before.context.close()

      const { page, context } = await open(true)
      await page.goto(withToken)
      expect(await countOn(page)).toBe(4)
      expect((await context.cookies()).map(({ name }) => name)).toContain('id')
      await page.goto(address)
      expect(await countOn(page)).toBe(5)
      expect(await press(page, '#link')).toBe(6)
      expect(page.url()).toBe(address)
      expect(await page.content()).not.toContain('sid')
    },
  )
})

describe('the path suffix', () => {
  it('Y2: continues the session too', { timeout: 60_000 }, async () => {
    const [driver] = PLAIN
    if (driver === undefined) throw new Error('there is no driver')
    const address = await start(driver, urlCarrier({ suffix: ';sid=' }))
    const { page } = await open(false)
    await page.goto(address)
    expect([await countOn(page), await press(page, '#link'), await press(page, '#link')]).toEqual([1, 2, 3])
    expect(new URL(page.url()).pathname).toMatch(/^\/;sid=[\w-]{46}$/)
  })
})
