import { CookieJar } from 'tough-cookie'
import { describe, expect, it } from 'vitest'
import type { Carrier, Session, Sessions } from 'sojourn'
import { cookieCarrier, createSessions } from 'sojourn'
import { formCarrier } from 'sojourn/carriers/form'
import { headerCarrier } from 'sojourn/carriers/header'
import { urlCarrier } from 'sojourn/carriers/url'
import { csrf } from 'sojourn/csrf'
import type { CsrfSession } from 'sojourn/csrf'
import { memoryStore } from 'sojourn/stores/memory'
import { faultStore } from 'sojourn/testing'
import type { FactsInput } from './facts.ts'
import { factsOf } from './facts.ts'

interface Visit {
  count: number
}

interface Page {
  readonly url: string
  readonly headers: ReadonlyMap<string, string>
  readonly count: number
  readonly text: string
}

type Handler = (session: Session<Visit>) => string | Promise<string>

const ORIGIN = 'https://shop.example'

function managed(carriers: readonly Carrier[]): Sessions<Visit> {
  return createSessions<Visit>({ store: memoryStore(), carriers, initial: () => ({ count: 0 }) })
}

/** A browser that follows redirects, and keeps cookies when it is allowed to. */
class Browser {
  keepsCookies: boolean
  readonly visited: string[] = []
  readonly #sessions: Sessions<Visit>
  readonly #jar = new CookieJar()

  constructor(sessions: Sessions<Visit>, options: { keepsCookies: boolean }) {
    this.#sessions = sessions
    this.keepsCookies = options.keepsCookies
  }

  async visit(url: string, handler: Handler, input: FactsInput = {}): Promise<Page> {
    this.visited.push(url)
    const cookie = this.keepsCookies ? await this.#jar.getCookieString(ORIGIN + url) : ''
    const headers = { ...input.headers, ...(cookie === '' ? {} : { cookie }) }
    const session = await this.#sessions.open(factsOf({ ...input, url, headers }))
    if (session.answer !== undefined) {
      await this.#keep(session.answer.cookies)
      const location = session.answer.headers.find(([name]) => name === 'location')?.[1] ?? ''
      const target = new URL(location, ORIGIN + url)
      return await this.visit(target.pathname + target.search, handler, input)
    }
    const text = await handler(session)
    const outcome = await session.commit()
    await this.#keep(outcome?.cookies ?? [])
    return { url: session.url, headers: new Map(outcome?.headers ?? []), count: session.data.count, text }
  }

  async #keep(lines: readonly string[]): Promise<void> {
    if (!this.keepsCookies) return
    for (const line of lines) await this.#jar.setCookie(line, ORIGIN)
  }
}

describe('clients without cookies', () => {
  it('Y2 Y3: go on by the suffix of a URL, which the application does not see', async () => {
    const url = urlCarrier({ suffix: ';sid=' })
    const browser = new Browser(managed([cookieCarrier(), url]), { keepsCookies: false })
    const page: Handler = (session) => {
      session.start().data.count += 1
      return url.link(session, '/next?a=1')
    }
    const first = await browser.visit('/cart?page=2', page)
    expect(first).toMatchObject({
      url: '/cart?page=2',
      count: 1,
      text: expect.stringMatching(/^\/next;sid=[^?]+\?a=1$/) as string,
    })
    expect(first.headers.get('referrer-policy')).toBe('no-referrer')
    const second = await browser.visit(first.text, page)
    expect(second).toMatchObject({ url: '/next?a=1', count: 2, text: first.text })
    expect((await browser.visit(second.text, page)).count).toBe(3)
    expect((await browser.visit('/next?a=1', page)).count).toBe(1)
  })

  it('Y2: go on by a hidden field, from the first form that they send', async () => {
    const form = formCarrier()
    const browser = new Browser(managed([cookieCarrier(), form]), { keepsCookies: false })
    const page: Handler = (session) => {
      session.start().data.count += 1
      return form.field(session)
    }
    const blank = await browser.visit('/form', (session) => form.field(session))
    expect(blank.text).toBe('')
    const referer = ORIGIN + (browser.visited.at(-1) ?? '')
    const first = await browser.visit('/save', page, { method: 'POST', headers: { referer } })
    const sid = /value="([^"]+)"/.exec(first.text)?.[1] ?? ''
    const second = await browser.visit('/save', page, { method: 'POST', fields: { sid } })
    expect([first.count, second.count]).toEqual([1, 2])
  })

  it('Y3 VULN-31: clients with cookies never see a token in a URL, and none in a URL counts', async () => {
    const url = urlCarrier()
    const sessions = managed([cookieCarrier(), url])
    const cookieless = new Browser(sessions, { keepsCookies: false })
    const browser = new Browser(sessions, { keepsCookies: true })
    const page: Handler = (session) => {
      session.start().data.count += 1
      return url.link(session, '/next')
    }
    const planted = (await cookieless.visit('/', page)).text
    const first = await browser.visit('/', page)
    expect(first).toMatchObject({ url: '/', count: 1, text: '/next' })
    expect(await browser.visit('/next', page)).toMatchObject({ count: 2, text: '/next' })
    expect(await browser.visit(planted, page)).toMatchObject({ url: '/next', count: 3, text: '/next' })
    expect(browser.visited.join(' ')).not.toMatch(/sid=.*sid=/)
  })

  it('a user signs in by cookie only, unless the carrier was told otherwise', async () => {
    const visit = async (carrier: Carrier): Promise<unknown> =>
      await new Browser(managed([cookieCarrier(), carrier]), { keepsCookies: false }).visit('/', async (session) => {
        await session.login('ada')
        return session.subject ?? ''
      })
    await expect(visit(urlCarrier())).rejects.toMatchObject({ code: 'carrier-forbidden' })
    await expect(visit(formCarrier())).rejects.toMatchObject({ code: 'carrier-forbidden' })
    expect(await visit(urlCarrier({ carriesSubjects: true }))).toMatchObject({ text: 'ada' })
  })
})

describe('clients that are programs', () => {
  it('get the token by a header and bring it back in Authorization', async () => {
    const sessions = managed([cookieCarrier(), headerCarrier({ when: (facts) => facts.url.startsWith('/api/') })])
    const client = new Browser(sessions, { keepsCookies: false })
    const call: Handler = (session) => String((session.data.count += 1))
    const first = await client.visit('/api/cart', call)
    const token = first.headers.get('session-token') ?? ''
    const headers = { authorization: `Bearer ${token}` }
    expect((await client.visit('/api/cart', call, { headers })).text).toBe('2')
    expect((await client.visit('/cart', call, { headers })).text).toBe('1')
  })
})

describe('cookies at the engine', () => {
  const anonymous = async (cookie: string | undefined): Promise<{ session: Session<Visit>; events: string[] }> => {
    const events: string[] = []
    const sessions = managed([cookieCarrier()])
    sessions.on('ambiguous', () => events.push('ambiguous'))
    sessions.on('unknown', () => events.push('unknown'))
    const headers: Record<string, string> = cookie === undefined ? {} : { cookie }
    return { session: await sessions.open(factsOf({ headers })), events }
  }

  it('COOKIE-11: a browser that lost its cookie is a new visitor, and no error', async () => {
    const { session, events } = await anonymous(undefined)
    expect([session.isNew, session.data.count, session.answer, events]).toEqual([true, 0, undefined, []])
  })

  it('COOKIE-9 ASVS5-15.3.7: two different values count as none and make an event, two equal ones count', async () => {
    const sessions = managed([cookieCarrier()])
    const events: string[] = []
    sessions.on('ambiguous', () => events.push('ambiguous'))
    const session = await sessions.open(factsOf())
    session.data.count = 7
    const pair = (await session.commit())?.cookies[0]?.split(';')[0] ?? ''
    const countWith = async (cookie: string): Promise<number> =>
      (await sessions.open(factsOf({ headers: { cookie } }))).data.count
    expect(await countWith(`${pair}; theme=dark; ${pair}`)).toBe(7)
    expect(events).toEqual([])
    expect(await countWith(`${pair}; __Host-id=${'x'.repeat(46)}`)).toBe(0)
    expect(await countWith(`__Host-id=${'x'.repeat(46)}; ${pair}`)).toBe(0)
    expect(events).toEqual(['ambiguous', 'ambiguous'])
  })

  it('VULN-35 DOS-11: a cookie bomb in our own cookie reaches no store', async () => {
    const { session, events } = await anonymous(`__Host-id=${'x'.repeat(15_000)}`)
    expect([session.isNew, session.activity.reads, events]).toEqual([true, 0, []])
  })
})

describe('form tokens of real sessions', () => {
  it('VULN-4 ASVS5-3.5.1: one from before a sign-in is refused after it, and after a sign-out', async () => {
    const guard = csrf()
    const sessions = managed([cookieCarrier()])
    const browser = new Browser(sessions, { keepsCookies: true })
    const passes = async (token: string): Promise<string> =>
      (await browser.visit('/save', (session) => String(guard.check(posted(session, token))))).text
    const before = (await browser.visit('/form', (session) => guard.token(session))).text
    expect(await passes(before)).toBe('true')
    const after = (
      await browser.visit('/login', async (session) => {
        await session.login('ada', { keep: ['count'] })
        return guard.token(session)
      })
    ).text
    expect([await passes(before), await passes(after)]).toEqual(['false', 'true'])
    await browser.visit('/logout', async (session) => {
      await session.logout()
      return ''
    })
    expect([await passes(before), await passes(after)]).toEqual(['false', 'false'])
  })

  it('a page of a session that ended a moment ago, or that no store gives out, is shown with an empty one', async () => {
    const guard = csrf()
    const store = faultStore(memoryStore(), { rules: [] })
    const sessions = createSessions({ store: store.store, onStoreError: 'anonymous' })
    const first = await sessions.open(factsOf())
    first.start()
    const cookie = (await first.commit())?.cookies[0]?.split(';')[0] ?? ''
    const next = async (): Promise<Session> => sessions.open(factsOf({ method: 'POST', headers: { cookie } }))
    await (await next()).destroy()
    const ended = await next()
    store.setRules([{ fault: 'reject', methods: ['get'] }])
    const degraded = await next()
    for (const session of [ended, degraded]) {
      expect(guard.field(session)).toBe('<input type="hidden" name="_csrf" value="">')
      expect(guard.check(session, '')).toBe(false)
    }
    expect([ended.isStarted, degraded.isDegraded]).toEqual([false, true])
  })
})

/** The session as a form that was sent with the token finds it. */
function posted(session: CsrfSession, token: string): CsrfSession {
  const facts = factsOf({ method: 'POST', fields: { _csrf: token } })
  return { start: () => session.start(), derive: (label) => session.derive(label), facts }
}
