import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express from 'express'
import { createSessions } from 'sojourn'
import type { Store } from 'sojourn'
import { expressSessions } from 'sojourn/express'
import { fileStore } from 'sojourn/stores/file'
import { memoryStore } from 'sojourn/stores/memory'
import { sqliteStore } from 'sojourn/stores/sqlite'
import { countingStore, lackingFor, storeCases } from 'sojourn/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { factsOf } from '../facts.ts'
import { browser, serve, site } from './web.ts'
import type { Pages } from './web.ts'

interface Counter {
  count: number
}

const counting: Pages<Counter> = {
  '/count': ({ session }) => String((session.data.count += 1)),
  '/reset': async ({ session }) => {
    await session.destroy()
    return 'reset'
  },
}
const fromZero = { initial: () => ({ count: 0 }) }

async function embeddedStores(): Promise<readonly Store[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-'))
  const file = fileStore({ directory: join(folder, 'files') })
  const sqlite = sqliteStore({ path: join(folder, 'sessions.db') })
  onTestFinished(async () => {
    await Promise.all([file.close(), sqlite.close()])
    await rm(folder, { recursive: true, force: true })
  })
  return [memoryStore(), file, sqlite]
}

describe('web.py: what web.session does', () => {
  it('Y4: one option makes the cookie outlive the browser', async () => {
    const { browser: brief } = await site(counting, fromZero)
    const { browser: lasting } = await site(counting, {
      ...fromZero,
      cookie: { insecureDevelopment: true, persistent: true },
    })
    expect((await brief().get('/count')).setCookies[0]).not.toMatch(/Max-Age|Expires/)
    expect((await lasting().get('/count')).setCookies[0]).toContain('; Max-Age=43200; ')
  })

  it('Y5: all pages of the site get the one cookie: its path is the root, and it names no tab', async () => {
    const { browser: open } = await site({ ...counting, '/deep/page': counting['/count'] ?? (() => '') }, fromZero)
    const ann = open()
    expect((await ann.get('/deep/page')).setCookies[0]).toContain('; Path=/;')
    expect((await ann.get('/count')).text).toBe('2')
  })

  it('Y6 Y8: a first visit is answered with an id, also when the page writes nothing', async () => {
    const pages: Pages<Counter> = {
      '/': ({ session, response }) => void (session.start(), response.writeHead(204).end()),
    }
    const { browser: open } = await site(pages, fromZero)
    const visit = await open().get('/')
    expect([visit.status, visit.setCookies.length]).toEqual([204, 1])
  })

  it('Y7 Y14: the counter counts 1, 2, 3, and after the reset 1 again', async () => {
    const { browser: open } = await site(counting, fromZero)
    const ann = open()
    const texts = []
    for (const path of ['/count', '/count', '/count', '/reset', '/count']) texts.push((await ann.get(path)).text)
    expect(texts).toEqual(['1', '2', '3', 'reset', '1'])
  })

  it('Y9 Y11: each new session gets its own copy of the starting contents, made once, and a restored one none', async () => {
    const shared = { user: { name: 'nobody', tags: ['new'] } }
    let made = 0
    const { browser: open } = await site<typeof shared>(
      {
        '/tag': ({ session, query }) => String(session.data.user.tags.push(query.get('tag') ?? '')),
        '/': ({ session }) => session.data.user.tags.join(),
      },
      { initial: () => (made++, shared) },
    )
    const [ann, bob] = [open(), open()]
    await ann.get('/tag?tag=a')
    await bob.get('/tag?tag=b')
    expect([(await ann.get('/')).text, (await bob.get('/')).text]).toEqual(['new,a', 'new,b'])
    expect([made, shared.user.tags]).toEqual([2, ['new']])
  })

  it('Y10 Y15 Y17: nested starting contents come back exactly from every store', async () => {
    const initial = () => ({
      user: { id: 7, name: 'Ann', email: 'a@b.example', privilege: 0 },
      status: 0,
      list: [1, [2]],
    })
    for (const store of await embeddedStores()) {
      const { browser: open } = await site(
        {
          '/start': ({ session }) => (session.start(), 'ok'),
          '/': ({ session }) => JSON.stringify(session.data),
        },
        { store, initial },
      )
      const ann = open()
      await ann.get('/start')
      expect(JSON.parse((await ann.get('/')).text)).toEqual(initial())
    }
  })

  it('Y13 Y40: the end expires the cookie, reading still works, and the next visit begins under a new id', async () => {
    const { browser: open } = await site<Counter>(
      {
        ...counting,
        '/reset': async ({ session }) => {
          await session.destroy()
          session.data.count = 99
          return `was ${session.get('count')} of ${session.subject ?? 'nobody'}`
        },
      },
      fromZero,
    )
    const ann = open()
    await ann.get('/count')
    const old = ann.cookies.get('id')
    const reset = await ann.get('/reset')
    expect(reset.text).toBe('was 99 of nobody')
    expect(reset.setCookies[0]).toMatch(/^id=; .*Max-Age=0; Expires=Thu, 01 Jan 1970/)
    expect((await ann.get('/count')).text).toBe('1')
    expect(ann.cookies.get('id')).not.toBe(old)
  })

  it('Y18: a store of one’s own passes the same cases as the ones that come with it', async () => {
    let time = Date.now()
    const inner = memoryStore({ now: () => time })
    const own: Store = { ...inner, name: 'own', get: (key) => inner.get(key) }
    const harness = {
      store: own,
      now: () => time,
      advance: async (milliseconds: number) => void (time += milliseconds),
    }
    const cases = storeCases.filter((storeCase) => lackingFor(storeCase, harness).length === 0)
    for (const { run } of cases) {
      await inner.clear()
      await run(harness)
    }
    expect(cases.length).toBeGreaterThan(50)
  })

  it('Y19 Y20: stores do not fill up: requests start a sweep, at most one in each period', async () => {
    let time = 0
    const { store, count } = countingStore(memoryStore({ now: () => time }))
    const sessions = createSessions({ store, now: () => time, sweepEvery: '15m' })
    const swept: number[] = []
    sessions.on('swept', ({ removed }) => swept.push(removed))
    const visit = async (): Promise<void> => {
      const session = await sessions.open(factsOf())
      session.set('v', 1)
      await session.commit()
    }
    for (let i = 0; i < 10; i++) await visit()
    expect(count('sweep')).toBe(0)
    time += 17 * 60_000
    for (let i = 0; i < 10; i++) await visit()
    await new Promise((resolve) => setImmediate(resolve))
    expect([count('sweep'), swept]).toEqual([1, [10]])
  })

  it('Y22 Y23: a set-up module loaded twice gives one manager and one store, and the middleware loads and saves once', async () => {
    const first = await import('./hot-setup.ts')
    const again = './hot-setup.ts?again'
    const second = (await import(/* @vite-ignore */ again)) as typeof import('./hot-setup.ts')
    onTestFinished(() => first.sessions.close())
    expect(second).not.toBe(first)
    expect(second.sessions).toBe(first.sessions)
    expect(first.opened.count).toBe(1)

    const { store, calls } = countingStore(memoryStore())
    const sessions = createSessions<Counter>({ store, ...fromZero, cookie: { insecureDevelopment: true } })
    const app = express()
    app.use(expressSessions(sessions))
    const withSession = expressSessions(sessions)
    app.use(withSession)
    app.get('/count', (request, response) => void response.end(String((withSession.of(request).data.count += 1))))
    const server = app.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    onTestFinished(() => void server.close())
    const bound = server.address()
    const ann = browser(`http://127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`)
    await ann.get('/count')
    expect((await ann.get('/count')).text).toBe('2')
    expect(calls.map((call) => call.method)).toEqual(['insert', 'get', 'update'])
  })

  it('Y25: a rendering helper reads the session without being given it', async () => {
    const sessions = createSessions<Counter>({
      store: memoryStore(),
      ...fromZero,
      cookie: { insecureDevelopment: true },
    })
    const layout = (body: string): string => `<p>${body}</p><footer>seen ${sessions.current().data.count}</footer>`
    const address = await serve(sessions, { '/': ({ session }) => ((session.data.count += 1), layout('hello')) })
    expect((await browser(address).get('/')).text).toContain('<footer>seen 1</footer>')
  })

  it('Y30 Y33: an unknown or expired id silently gives a new session, or the message and no cookie, as configured', async () => {
    const silent = await site(counting, fromZero)
    const loud = await site(counting, { ...fromZero, refusal: { answer: 'message' } })
    const custom = await site(counting, { ...fromZero, refusal: { answer: 'message', message: 'Bye', status: 401 } })
    const answers = []
    for (const { browser: open, advance } of [silent, loud, custom]) {
      const ann = open()
      await ann.get('/count')
      advance(24 * 60 * 60_000)
      const { status, text } = await ann.get('/count')
      answers.push([status, text, ann.cookies.size])
    }
    expect(answers).toEqual([
      [200, '1', 1],
      [200, 'Session expired', 0],
      [401, 'Bye', 0],
    ])
  })

  it('Y31: bound to an address, a session refuses another one, and the rightful one goes on', async () => {
    const free = await site(counting, { ...fromZero, trustProxy: true })
    const bound = await site(counting, {
      ...fromZero,
      trustProxy: true,
      bind: 'client-address',
      refusal: { answer: 'message' },
    })
    for (const [{ browser: open }, elsewhere] of [
      [free, '2'],
      [bound, 'Session expired'],
    ] as const) {
      const ann = open()
      await ann.get('/count', { 'x-forwarded-for': '203.0.113.1' })
      const thief = open()
      for (const [name, value] of ann.cookies) thief.cookies.set(name, value)
      expect((await thief.get('/count', { 'x-forwarded-for': '203.0.113.2' })).text).toBe(elsewhere)
      expect(thief.cookies.size).toBe(elsewhere === '2' ? 1 : 0)
      const again = await ann.get('/count', { 'x-forwarded-for': '203.0.113.1' })
      expect(again.text).toBe(elsewhere === '2' ? '3' : '2')
    }
  })

  it('Y32: a secret can be set, there is no default, a weak one is refused, and ids do not need one', async () => {
    expect(() => createSessions({ store: memoryStore(), secrets: ['fLjUfxqXtfNoIldA0A0J'] })).toThrow('32 random bytes')
    const { browser: open } = await site(counting, { ...fromZero, secrets: ['s'.repeat(32)] })
    const ann = open()
    await ann.get('/count')
    expect((await ann.get('/count')).text).toBe('2')
  })

  it('Y34: settings are read when the sessions are made', async () => {
    const options = { store: memoryStore(), timeouts: { idle: '10m' as '10m' | '1m' } }
    const sessions = createSessions(options)
    options.timeouts.idle = '1m'
    expect(sessions.policy().idle).toBe(600_000)
    expect(() => Object.assign(sessions.policy(), { idle: 1 })).toThrow(TypeError)
  })

  it('Y37: what was changed is saved on a redirect, and when the page throws', async () => {
    const { browser: open } = await site<Counter>(
      {
        '/redirect': ({ session, response }) => {
          session.data.count = 20
          response.writeHead(303, { location: '/' }).end()
        },
        '/throw': ({ session }) => {
          session.data.count = 50
          throw new Error('page failed')
        },
        '/': ({ session }) => String(session.data.count),
      },
      fromZero,
    )
    const ann = open()
    await ann.get('/redirect')
    expect((await ann.get('/')).text).toBe('20')
    expect((await ann.get('/throw')).status).toBe(500)
    expect((await ann.get('/')).text).toBe('50')
  })

  it('Y38: data is written only if it was modified; reading refreshes the idle clock at most once in its period', async () => {
    let time = 0
    const { store, calls } = countingStore(memoryStore({ now: () => time }))
    const sessions = createSessions<Counter>({
      store,
      ...fromZero,
      now: () => time,
      cookie: { insecureDevelopment: true },
    })
    const address = await serve(sessions, { ...counting, '/': ({ session }) => String(session.data.count) })
    const ann = browser(address)
    await ann.get('/count')
    await ann.get('/')
    time += 61_000
    await ann.get('/')
    await ann.get('/')
    expect(calls.map((call) => call.method)).toEqual(['insert', 'get', 'get', 'touch', 'get'])
  })

  it('Y39: parallel browsers are independent', async () => {
    const { browser: open } = await site(counting, fromZero)
    const visitors = Array.from({ length: 20 }, open)
    const last = await Promise.all(
      visitors.map(async (visitor, i) => {
        let text = ''
        for (let n = 0; n <= i; n++) text = (await visitor.get('/count')).text
        return text
      }),
    )
    expect(last).toEqual(visitors.map((_, i) => String(i + 1)))
  })

  it('Y40 W7: a login with privilege levels, and a reset page that still reads the session', async () => {
    interface User {
      privilege: number
    }
    const { browser: open } = await site<User>(
      {
        '/login': async ({ session, query }) => {
          await session.login(query.get('user') ?? '')
          session.data.privilege = Number(query.get('level'))
          return 'in'
        },
        '/': ({ session }) => `${session.subject ?? 'anonymous'} ${session.data.privilege}`,
        '/reset': async ({ session }) => {
          await session.destroy()
          return `bye ${session.get('privilege')}`
        },
      },
      { initial: () => ({ privilege: 0 }) },
    )
    const ann = open()
    expect((await ann.get('/')).text).toBe('anonymous 0')
    await ann.get('/login?user=ann&level=2')
    expect((await ann.get('/')).text).toBe('ann 2')
    expect((await ann.get('/reset')).text).toBe('bye 0')
    expect((await ann.get('/')).text).toBe('anonymous 0')
  })
})
