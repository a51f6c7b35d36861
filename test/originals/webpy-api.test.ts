import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import express from 'express'
import { isScannable } from 'sojourn'
import type { Store as EngineStore } from 'sojourn'
import { formCarrier } from 'sojourn/carriers/form'
import { urlCarrier } from 'sojourn/carriers/url'
import { expressSessions } from 'sojourn/express'
import {
  application,
  config,
  ctx,
  DBStore,
  DiskStore,
  input,
  loadhook,
  MemoryStore,
  seeother,
  Session,
  sessionsOf,
  ShelfStore,
  Store,
  unloadhook,
} from 'sojourn/originals/webpy'
import type {
  Application,
  SessionExtras,
  SessionParameters,
  SessionStorage,
  StoredSession,
  Urls,
} from 'sojourn/originals/webpy'
import { memoryStore } from 'sojourn/stores/memory'
import { countingStore, faultStore, interceptStore } from 'sojourn/testing'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { emptyFolder, start } from '../support/program.ts'
import { hosts } from './hosts.ts'
import type { Browser } from './web.ts'
import { browser, listen } from './web.ts'

const HOUR = 3_600_000
const DEFAULTS: Readonly<SessionParameters> = { ...config.sessionParameters }

afterEach(() => void Object.assign(config.sessionParameters, DEFAULTS))

interface Counter {
  count: number
}

interface SiteOptions<Data extends object> {
  readonly storage?: SessionStorage
  readonly initializer?: Data | (() => Data)
  readonly parameters?: Partial<SessionParameters>
  readonly extras?: SessionExtras<Data>
}

interface Site<Data extends object> {
  readonly app: Application
  readonly session: Session<Data>
  readonly address: string
  readonly open: () => Browser
  readonly advance: (milliseconds: number) => void
  /** Records in the store. */
  readonly count: () => Promise<number>
  readonly calls: () => readonly string[]
}

/** An application that listens, with a Session made as web.py makes one. */
async function site<Data extends object = Counter>(
  urls: (session: () => Session<Data>) => Urls,
  options: SiteOptions<Data> = {},
): Promise<Site<Data>> {
  let time = Date.now()
  const now = (): number => time
  Object.assign(config.sessionParameters, DEFAULTS, options.parameters)
  const given = (options.storage ?? new MemoryStore()).open(now, config.sessionParameters.timeout)
  const { store, calls } = countingStore(given)
  const app = application(
    urls(() => session),
    { trustProxy: true },
  )
  const session = new Session<Data>(app, { open: () => store }, options.initializer, { now, ...options.extras })
  onTestFinished(() =>
    sessionsOf(session)
      .close()
      .catch(() => undefined),
  )
  const address = await listen(app.node)
  return {
    app,
    session,
    address,
    open: () => browser(address),
    advance: (milliseconds) => void (time += milliseconds),
    count: () => countIn(given),
    calls: () => calls.map(({ method }) => method),
  }
}

async function countIn(store: EngineStore): Promise<number> {
  let count = 0
  if (!isScannable(store)) throw new Error('this store cannot be counted')
  for await (const page of store.scan()) count += page.length
  return count
}

/** The original's example. */
const counting = (session: () => Session<Counter>): Urls => ({
  '/': () => 'hello',
  '/count': () => String((session().count += 1)),
  '/reset': async () => {
    await session().kill()
    return ''
  },
})
const fromZero = { initializer: { count: 0 } }

function thiefOf(ann: Browser, open: () => Browser): Browser {
  const thief = open()
  for (const [name, value] of ann.cookies) thief.cookies.set(name, value)
  return thief
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sojourn-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

function shapeOf(name: string): string {
  const columns = 'session_id char(128) unique not null, atime timestamp not null default current_timestamp, data text'
  return `create table ${name} (${columns})`
}

function table(name: string): DatabaseSync {
  const db = new DatabaseSync(':memory:')
  db.exec(shapeOf(name))
  return db
}

/** What a browser shows in the end that follows redirects and keeps no cookies. */
async function cookieless(address: string, path: string): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(address + path, resolve).on('error', reject)
  })
  const { location } = response.headers
  return location === undefined ? text(response) : cookieless(address, location)
}

/** A user's own store: five methods, and texts that nobody else reads. */
class OwnStore extends Store {
  readonly texts = new Map<string, { readonly text: string; readonly at: number }>()
  readonly calls: string[] = []

  contains(key: string): boolean {
    this.calls.push('contains')
    return this.texts.has(key)
  }

  async get(key: string): Promise<StoredSession> {
    this.calls.push('get')
    return this.decode(this.texts.get(key)?.text ?? '')
  }

  async set(key: string, value: StoredSession): Promise<void> {
    this.calls.push('set')
    const text = this.encode(value)
    await new Promise((resolve) => setImmediate(resolve))
    this.texts.set(key, { text, at: this.now() })
  }

  delete(key: string): void {
    this.calls.push('delete')
    this.texts.delete(key)
  }

  cleanup(timeout: number): void {
    this.calls.push('cleanup')
    for (const [key, { at }] of this.texts) if (this.now() - at > timeout * 1000) this.texts.delete(key)
  }

  override encode(value: StoredSession): string {
    return Buffer.from(super.encode(value)).toString('base64')
  }

  override decode(text: string): StoredSession {
    return super.decode(Buffer.from(text, 'base64').toString())
  }
}

async function everyStorage(): Promise<Readonly<Record<string, SessionStorage>>> {
  return {
    DiskStore: new DiskStore(join(await folder(), 'sessions')),
    DBStore: new DBStore(table('sessions'), 'sessions'),
    ShelfStore: new ShelfStore(new Map()),
    MemoryStore: new MemoryStore(),
    'a store of one’s own': new OwnStore(),
  }
}

describe('web.py’s Session', () => {
  it('Y1: the client holds an id and nothing of what the session holds', async () => {
    const { open } = await site<{ secret: string }>((session) => ({
      '/set': () => ((session().secret = 'quite-secret-value'), 'ok'),
    }))
    const { headers } = await open().get('/set')
    const head = [...headers].map((pair) => pair.join(': ')).join('\n')
    expect(head).toMatch(/webpy_session_id=[\w-]{46};/)
    expect(head).not.toContain('secret')
  })

  it('Y2: a cookie, an address or a form field each continues a session by itself', async () => {
    const url = urlCarrier({ suffix: ';sid=' })
    const form = formCarrier()
    const { address, open } = await site<Counter>(
      (session) => ({
        '/count': () => {
          const text = String((session().count += 1))
          const here = sessionsOf(session()).current()
          return `${text}|${url.link(here, '/count')}|${form.field(here)}`
        },
      }),
      { ...fromZero, extras: { fallbacks: [url, form] } },
    )
    // Nothing of this client comes with a cookie.
    const first = (await cookieless(address, '/count')).split('|')
    expect([first[0], first[1]]).toEqual(['1', expect.stringMatching(/^\/count;sid=[\w-]{46}$/)])
    const second = (await cookieless(address, first[1] ?? '')).split('|')
    expect(second[0]).toBe('2')
    const sid = /value="([\w-]{46})"/.exec(second[2] ?? '')?.[1] ?? ''
    const third = await fetch(`${address}/count`, { method: 'POST', body: new URLSearchParams({ sid }) })
    expect((await third.text()).split('|')[0]).toBe('3')
    const ann = open()
    expect((await ann.get('/count')).text).toBe('1|/count|')
    expect((await ann.get('/count')).text).toBe('2|/count|')
  })

  it('Y3: the cookie is the normal way, wins when it is there, and no address has an id then', async () => {
    const url = urlCarrier()
    const pages = (session: () => Session<Counter>): Urls => ({
      '/count': () => `${(session().count += 1)}${url.link(sessionsOf(session()).current(), '/')}`,
    })
    const usual = await site<Counter>(pages, fromZero)
    expect(await cookieless(usual.address, '/count')).toBe('1/')
    const switchedOn = await site<Counter>(pages, { ...fromZero, extras: { fallbacks: [url] } })
    const [ann, bob] = [switchedOn.open(), switchedOn.open()]
    for (const visitor of [ann, bob]) expect((await visitor.get('/count')).text).toBe('1/')
    // An id in the address of a client with cookies is not looked at.
    expect((await ann.get(`/count?sid=${bob.cookies.get('webpy_session_id')}`)).text).toBe('2/')
    expect((await ann.get(`/count?sid=${bob.cookies.get('webpy_session_id')}`)).text).toBe('3/')
  })

  it('Y4 Y5: kept for the browser’s life or on disk, by one option, and for all tabs of the site', async () => {
    const brief = await site<Counter>(counting, fromZero)
    const lasting = await site<Counter>(counting, { ...fromZero, extras: { persistent: true } })
    expect((await brief.open().get('/count')).setCookies[0]).not.toMatch(/Max-Age|Expires/)
    const ann = lasting.open()
    expect((await ann.get('/count')).setCookies[0]).toContain('; Max-Age=86400; ')
    expect((await ann.get('/count')).setCookies[0]).toMatch(/; Path=\/; .*Max-Age=86400; /)
  })

  it('Y6: the first response sets the cookie, also where the page did nothing, and every later one of a session the same id', async () => {
    const { open } = await site<Counter>(counting, fromZero)
    const ann = open()
    expect((await ann.get('/')).setCookies).toHaveLength(1)
    await ann.get('/count')
    const id = ann.cookies.get('webpy_session_id')
    for (const path of ['/', '/count', '/nowhere']) {
      const { setCookies } = await ann.get(path)
      expect(setCookies, path).toEqual([`webpy_session_id=${id}; Path=/; HttpOnly; SameSite=Lax`])
    }
  })

  it('Y7 Y8 Y13 Y14: 1, 2, 3, and after the reset 1 again under a new id, with the old one dead', async () => {
    const { open, count } = await site<Counter>(counting, fromZero)
    const ann = open()
    expect([(await ann.get('/count')).text, (await ann.get('/count')).text, (await ann.get('/count')).text]).toEqual([
      '1',
      '2',
      '3',
    ])
    const thief = thiefOf(ann, open)
    const old = ann.cookies.get('webpy_session_id')
    const reset = await ann.get('/reset')
    expect(reset.setCookies).toHaveLength(1)
    expect(reset.setCookies[0]).toMatch(/^webpy_session_id=; .*Max-Age=0/)
    expect([await count(), ann.cookies.size]).toEqual([0, 0])
    expect((await ann.get('/count')).text).toBe('1')
    expect(ann.cookies.get('webpy_session_id')).not.toBe(old)
    expect((await thief.get('/count')).status).toBe(409)
    expect((await ann.get('/count')).text).toBe('2')
  })

  it.each(Object.entries(hosts))(
    'Y8: one line gives every page of the application the session, on %s',
    async (_name, host) => {
      const app = application({ '/count': () => String((session.count += 1)) })
      const session = new Session(app, new MemoryStore(), { count: 0 })
      const ann = browser(await host(app))
      expect([(await ann.get('/count')).text, (await ann.get('/count')).text]).toEqual(['1', '2'])
    },
  )

  it('Y9 Y11: each new session has its own copy of the initializer, made once, and a restored one none', async () => {
    const initializer = { user: { name: 'nobody', tags: ['new'] } }
    let made = 0
    const urls = (session: () => Session<typeof initializer>): Urls => ({
      '/tag': () => String(session().user.tags.push(input()['tag'] ?? '')),
      '/': () => session().user.tags.join(),
    })
    for (const given of [initializer, () => (made++, initializer)]) {
      const { open } = await site(urls, { initializer: given })
      const [ann, bob] = [open(), open()]
      await ann.get('/tag?tag=a')
      await bob.get('/tag?tag=b')
      expect([(await ann.get('/')).text, (await bob.get('/')).text]).toEqual(['new,a', 'new,b'])
    }
    expect([made, initializer.user.tags]).toEqual([2, ['new']])
  })

  it('Y10 Y15 Y16 Y17 Y18: every store gives nested contents back, counts, and forgets what is killed', async () => {
    const initializer = { user: { id: 7, name: 'Ann', email: 'a@b.example', privilege: 0 }, status: 0, count: 0 }
    for (const [name, storage] of Object.entries(await everyStorage())) {
      const { open } = await site<typeof initializer>(
        (session) => ({
          '/all': () => JSON.stringify({ ...session() }),
          '/count': () => String((session().count += 1)),
          '/reset': async () => (await session().kill(), ''),
        }),
        { storage, initializer },
      )
      const ann = open()
      expect(JSON.parse((await ann.get('/all')).text), name).toEqual(initializer)
      expect(JSON.parse((await ann.get('/all')).text), name).toEqual(initializer)
      await ann.get('/count')
      const thief = thiefOf(ann, open)
      expect((await ann.get('/count')).text, name).toBe('2')
      await ann.get('/reset')
      expect((await thief.get('/count')).status, name).toBe(409)
    }
  })

  it('Y12: attributes, items, get with a default, in; a missing one is an error', async () => {
    const { open } = await site<Record<string, unknown>>((session) => ({
      '/': () => {
        const s = session()
        s['item'] = 1
        Object.assign(s, { attribute: 2 })
        delete s['gone']
        expect([s['attribute'], s.item, s.get('item'), s.get('none'), s.get('none', 3)]).toEqual([
          2,
          1,
          1,
          undefined,
          3,
        ])
        expect(['item' in s, 'none' in s, Object.keys(s)]).toEqual([true, false, ['item', 'attribute']])
        expect(() => s['none']).toThrow(ReferenceError)
        expect(() => (s['bad'] = new Map())).toThrow('data.bad is a Map')
        return 'ok'
      },
      '/later': () => `${String(session()['item'])} ${String(session().get('attribute'))}`,
    }))
    const ann = open()
    expect((await ann.get('/')).text).toBe('ok')
    expect((await ann.get('/later')).text).toBe('1 2')
  })

  it('Y15: DiskStore makes its directory, has one file for each session, and outlives a restart', async () => {
    const directory = join(await folder(), 'not', 'yet', 'there')
    const before = await site<Counter>(counting, { ...fromZero, storage: new DiskStore(directory) })
    expect(existsSync(directory)).toBe(true)
    const [ann, bob] = [before.open(), before.open()]
    await ann.get('/count')
    await bob.get('/count')
    const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
    expect(files.filter(({ name }) => /^[0-9a-f]{40,}/.test(name))).toHaveLength(2)
    await sessionsOf(before.session).close()
    const after = await site<Counter>(counting, { ...fromZero, storage: new DiskStore(directory) })
    const later = after.open()
    for (const [name, value] of ann.cookies) later.cookies.set(name, value)
    expect((await later.get('/count')).text).toBe('2')
  })

  it('Y16: DBStore works on a table of web.py’s shape, whose name is given', async () => {
    const db = table('visitors')
    const { open } = await site<Counter>(counting, { ...fromZero, storage: new DBStore(db, 'visitors') })
    const ann = open()
    await ann.get('/count')
    expect((await ann.get('/count')).text).toBe('2')
    const rows = db.prepare('select session_id, atime, data from visitors').all()
    expect(rows).toHaveLength(1)
    expect(JSON.stringify(rows)).not.toContain(ann.cookies.get('webpy_session_id'))
    expect(String(rows[0]?.['data'])).toContain('count')
  })

  it(
    'Y16: two processes may share the table: each step is a transaction of the database',
    { timeout: 60_000 },
    async () => {
      const shared = await emptyFolder()
      const program = new Map([['main.ts', SHARED_TABLE]])
      const processes = [await start(shared, program, 'main.ts'), await start(shared, program, 'main.ts')]
      const tabs = processes.map(({ address }) => browser(address))
      await tabs[0]!.get('/exact')
      for (const [name, value] of tabs[0]!.cookies) tabs[1]!.cookies.set(name, value)
      await Promise.all(tabs.flatMap((tab) => Array.from({ length: 25 }, () => tab.get('/exact'))))
      expect((await tabs[1]!.get('/exact')).text).toBe('52')
      const late = thiefOf(tabs[0]!, () => browser(processes[1]!.address))
      await tabs[0]!.get('/reset')
      expect((await late.get('/count')).status).toBe(409)
      const [none, one] = processes.map(({ complaints }) => complaints())
      expect([none, one?.split('\n')[0]]).toEqual(['', expect.stringContaining('its token was replaced')])
    },
  )

  it('Y18: in a store of one’s own each key’s calls come one after the other, and encode and decode are its own', async () => {
    const storage = new OwnStore()
    const { open } = await site<Record<string, unknown>>(
      (session) => ({
        '/set': () => ((session()[input()['key'] ?? ''] = 1), 'ok'),
        '/keys': () => Object.keys(session()).toSorted().join(),
      }),
      { storage },
    )
    const ann = open()
    await ann.get('/set?key=first')
    const keys = Array.from({ length: 10 }, (_, i) => `key${i}`)
    await Promise.all(keys.map((key) => ann.get(`/set?key=${key}`)))
    expect((await ann.get('/keys')).text).toBe(['first', ...keys].toSorted().join())
    expect([...storage.texts.values()].map(({ text }) => text).join()).toMatch(/^[A-Za-z0-9+/=]+$/)
    expect(new Set(storage.calls)).toEqual(new Set(['contains', 'get', 'set']))
  })

  it('Y19 Y20: requests sweep, at most once in each timeout; what was read within the timeout stays', async () => {
    for (const storage of [new OwnStore(), new MemoryStore()]) {
      const { open, advance, calls, session } = await site<Counter>(counting, { ...fromZero, storage })
      const removed: number[] = []
      sessionsOf(session).on('swept', (event) => removed.push(event.removed))
      const ann = open()
      await ann.get('/count')
      for (let i = 0; i < 5; i++) await open().get('/count')
      for (let i = 0; i < 4; i++) {
        advance(20 * HOUR)
        await ann.get('/')
        await ann.get('/')
      }
      await new Promise((resolve) => setTimeout(resolve, 0))
      const sweeps = calls().filter((method) => method === 'sweep').length
      expect(sweeps).toBeGreaterThan(0)
      expect(sweeps).toBeLessThanOrEqual(3)
      expect((await ann.get('/count')).text).toBe('2')
      if (storage instanceof OwnStore) expect(storage.texts.size).toBe(1)
      else expect(removed.reduce((sum, count) => sum + count, 0)).toBe(5)
    }
  })

  it('Y21: other modules reach the session by config._session, without the main file', async () => {
    const { open, session } = await site<Counter>(
      () => ({ '/count': () => String(((config._session as Session<Counter>).count += 1)) }),
      fromZero,
    )
    config._session = session
    onTestFinished(() => void delete config._session)
    const ann = open()
    expect([(await ann.get('/count')).text, (await ann.get('/count')).text]).toEqual(['1', '2'])
  })

  it('Y22 Y23: a set-up that runs again goes on with the same store and sessions; one load and one save a request', async () => {
    const opened: string[] = []
    const counted = countingStore(memoryStore())
    const setUp = (app: Application): Session<Counter> =>
      new Session(
        app,
        {
          open: () => {
            opened.push('opened')
            return counted.store
          },
        },
        { count: 0 },
        { name: 'hot' },
      )
    const urls: Urls = { '/count': () => String((session.count += 1)) }
    const app = application(urls)
    let session = setUp(app)
    onTestFinished(() => sessionsOf(session).close())
    const ann = browser(await listen(app.node))
    expect((await ann.get('/count')).text).toBe('1')
    session = setUp(app)
    const reloaded = application(urls)
    session = setUp(reloaded)
    expect((await ann.get('/count')).text).toBe('2')
    const later = browser(await listen(reloaded.node))
    for (const [name, value] of ann.cookies) later.cookies.set(name, value)
    counted.reset()
    expect((await later.get('/count')).text).toBe('3')
    expect(opened).toEqual(['opened'])
    expect(counted.calls.map(({ method }) => method)).toEqual(['get', 'update'])
    expect(() => new Session(app, new MemoryStore())).toThrow('it has sessions already')
  })

  it('Y22 Y23: a main module that is loaded twice is one Session and one store, with one load, one save and one hook a request', async () => {
    const first = await import('./hot-webpy.ts')
    const again = './hot-webpy.ts?again'
    const second = (await import(/* @vite-ignore */ again)) as typeof first
    onTestFinished(() => sessionsOf(first.session).close())
    expect(second.app).not.toBe(first.app)
    expect(sessionsOf(second.session)).toBe(sessionsOf(first.session))
    const ann = browser(await listen(first.app.node))
    expect((await ann.get('/count')).text).toBe('1')
    const later = browser(await listen(second.app.node))
    for (const [name, value] of ann.cookies) later.cookies.set(name, value)
    first.seen.store.reset()
    first.seen.hooks = 0
    expect((await later.get('/count')).text).toBe('2')
    expect(first.seen).toMatchObject({ opened: 1, hooks: 1 })
    expect(first.seen.store.calls.map(({ method }) => method)).toEqual(['get', 'update'])
    expect((await ann.get('/count')).text).toBe('3')
  })

  it('Y24: a hook makes ctx.session, and any page or sub-application has the right user’s, in parallel', async () => {
    let arrived = 0
    let release = (): void => undefined
    const allHere = new Promise<void>((resolve) => (release = resolve))
    const blog = application({
      '/': () => `blog of ${(ctx['session'] as Session<{ name: string }>).name} at ${ctx.path}`,
      '/slow': {
        GET: async () => {
          const session = ctx['session'] as Session<{ name: string }>
          session.name = input()['name'] ?? ''
          if (++arrived === 5) release()
          await allHere
          return session.name
        },
      },
    })
    const { app, open, session } = await site<{ name: string }>((mine) => ({
      '/set': () => ((mine().name = input()['name'] ?? ''), 'ok'),
      '/blog': blog,
    }))
    const seen: string[] = []
    app.addProcessor(unloadhook(() => seen.push(ctx.path)))
    app.addProcessor(loadhook(() => void (ctx['session'] = session)))
    const ann = open()
    await ann.get('/set?name=ann')
    expect((await ann.get('/blog')).text).toBe('blog of ann at /blog')
    expect((await ann.get('/blog/nowhere')).status).toBe(404)
    expect((await ann.post('/blog/slow', {})).status).toBe(405)
    const texts = await Promise.all([1, 2, 3, 4, 5].map(async (n) => (await open().get(`/blog/slow?name=n${n}`)).text))
    expect(texts).toEqual(['n1', 'n2', 'n3', 'n4', 'n5'])
    expect(seen.slice(0, 2)).toEqual(['/set', '/blog'])
    expect(() => ctx.path).toThrow('no request is being served here')
  })

  it('Y24: processors run around the page in their order, and an unloadhook also after a page that throws', async () => {
    const said: string[] = []
    const { app, open } = await site<Counter>(() => ({
      '/': () => (said.push('page'), 'fine'),
      '/throw': () => {
        throw new Error('the page failed')
      },
    }))
    app.addProcessor(async (handler) => {
      said.push('outer')
      const reply = await handler()
      said.push('outer again')
      return reply
    })
    app.addProcessor(loadhook(() => void said.push('before')))
    app.addProcessor(unloadhook(() => void said.push('after')))
    await open().get('/')
    expect(said.splice(0)).toEqual(['outer', 'before', 'page', 'after', 'outer again'])
    expect((await open().get('/throw')).status).toBe(500)
    expect(said).toEqual(['outer', 'before', 'after'])
  })

  it('Y22: after close a name can be used anew, with a store that is opened anew', async () => {
    let opened = 0
    const make = () => {
      const app = application({ '/count': () => String((session.count += 1)) })
      const open = () => (opened++, memoryStore())
      const session = new Session(app, { open }, { count: 0 }, { name: 'closed and opened' })
      return { app, session }
    }
    for (const times of [1, 2]) {
      const { app, session } = make()
      const ann = browser(await listen(app.node))
      expect([(await ann.get('/count')).text, (await ann.get('/count')).text, opened]).toEqual(['1', '2', times])
      await sessionsOf(session).close()
    }
  })

  it('Y25: a helper of the templates reads the session without being given it', async () => {
    const layout = (text: string): string => `<p>${text}</p><i>seen ${(ctx['session'] as Session<Counter>).count}</i>`
    const { app, open, session } = await site<Counter>(
      (mine) => ({ '/': () => ((mine().count += 1), layout('hello')) }),
      fromZero,
    )
    app.addProcessor(loadhook(() => void (ctx['session'] = session)))
    expect((await open().get('/')).text).toBe('<p>hello</p><i>seen 1</i>')
  })

  it('Y26 Y27 Y28: the cookie’s name, domain, path and attributes have web.py’s defaults, and each can be changed', async () => {
    expect(config.sessionParameters).toMatchObject({
      cookie_name: 'webpy_session_id',
      cookie_domain: undefined,
      cookie_path: undefined,
      samesite: undefined,
      httponly: true,
      secure: false,
    })
    const line = async (parameters: Partial<SessionParameters>): Promise<string> => {
      const { open } = await site<Counter>(counting, { ...fromZero, parameters })
      return (await open().get('/count')).setCookies[0]?.replace(/=[\w-]{46};/, '=ID;') ?? ''
    }
    expect(await line({})).toBe('webpy_session_id=ID; Path=/; HttpOnly; SameSite=Lax')
    // As one writes web.py's None.
    const none = { cookie_domain: null, cookie_path: null, samesite: null }
    expect(await line(none)).toBe('webpy_session_id=ID; Path=/; HttpOnly; SameSite=Lax')
    expect(await line({ cookie_name: 'shop' })).toBe('shop=ID; Path=/; HttpOnly; SameSite=Lax')
    expect(await line({ cookie_domain: 'example.com' })).toContain('webpy_session_id=ID; Path=/; Domain=example.com;')
    expect(await line({ cookie_path: '/count' })).toContain('webpy_session_id=ID; Path=/count;')
    expect(await line({ httponly: false })).toBe('webpy_session_id=ID; Path=/; SameSite=Lax')
    expect(await line({ secure: true })).toMatch(/^webpy_session_id=ID; Path=\/; .*Secure/)
    expect(await line({ samesite: 'Strict' })).toContain('SameSite=Strict')
    expect(await line({ samesite: 'None', secure: true })).toContain('SameSite=None')
    await expect(line({ samesite: 'None' })).rejects.toThrow(TypeError)
    await expect(line({ cookie_domain: 'example.com', secure: true })).rejects.toThrow('__Secure-')
    expect(await line({ cookie_name: '__Secure-shop', cookie_domain: 'example.com', secure: true })).toContain(
      'Domain=',
    )
    expect(() => Object.assign(config.sessionParameters, { cookie_nme: 'x' })).toThrow(TypeError)
  })

  it('Y29: a session ends 24 hours after its last use, to the millisecond, or when the timeout says', async () => {
    expect(config.sessionParameters.timeout).toBe(86_400)
    for (const timeout of [86_400, 60]) {
      const { open, advance } = await site<Counter>(counting, { ...fromZero, parameters: { timeout } })
      const ann = open()
      await ann.get('/count')
      advance(timeout * 1000 - 1)
      expect((await ann.get('/count')).text).toBe('2')
      advance(timeout * 1000)
      expect((await ann.get('/count')).text).toBe('1')
    }
    await expect(site<Counter>(counting, { parameters: { timeout: 0 } })).rejects.toThrow(/^timeout: /)
  })

  it('Y30 Y33: what is unknown or expired gives a new session silently, or the message and no cookie', async () => {
    expect(config.sessionParameters).toMatchObject({ ignore_expiry: true, expired_message: 'Session expired' })
    const answers = []
    for (const parameters of [
      {},
      { ignore_expiry: false },
      { ignore_expiry: false, expired_message: 'Bitte neu anmelden' },
    ]) {
      const { open, advance } = await site<Counter>(counting, { ...fromZero, parameters })
      const ann = open()
      await ann.get('/count')
      const old = ann.cookies.get('webpy_session_id')
      advance(25 * HOUR)
      const expired = await ann.get('/count')
      answers.push([expired.status, expired.text, ann.cookies.get('webpy_session_id') === old])
      // After the message the visitor begins anew.
      expect((await ann.get('/count')).text).toMatch(/^[12]$/)
      const mallory = open()
      mallory.cookies.set('webpy_session_id', 'A'.repeat(46))
      const unknown = await mallory.get('/count')
      expect([unknown.status, unknown.text]).toEqual([expired.status, expired.text])
      expect(mallory.cookies.get('webpy_session_id')).not.toBe('A'.repeat(46))
    }
    expect(answers).toEqual([
      [200, '1', false],
      [200, 'Session expired', false],
      [200, 'Bitte neu anmelden', false],
    ])
  })

  it('Y31: from another address the session goes on, or gets the message, and the rightful address goes on', async () => {
    expect(config.sessionParameters.ignore_change_ip).toBe(true)
    for (const parameters of [{}, { ignore_change_ip: false }, { ignore_change_ip: false, ignore_expiry: false }]) {
      const { open, advance } = await site<Counter>(counting, { ...fromZero, parameters })
      const isBound = 'ignore_change_ip' in parameters
      const [here, there] = [{ 'x-forwarded-for': '203.0.113.1' }, { 'x-forwarded-for': '203.0.113.2' }]
      const ann = open()
      await ann.get('/count', here)
      const thief = thiefOf(ann, open)
      const stolen = await thief.get('/count', there)
      expect([stolen.status, stolen.text, thief.cookies.size]).toEqual(
        isBound ? [200, 'Session expired', 0] : [200, '2', 1],
      )
      expect((await ann.get('/count', here)).text).toBe(isBound ? '2' : '3')
      // What is unknown goes the way that ignore_expiry says, whatever its address.
      advance(25 * HOUR)
      expect((await ann.get('/count', there)).text).toBe('ignore_expiry' in parameters ? 'Session expired' : '1')
    }
  })

  it('Y32: no secret is there by default, a weak one is refused, and one that is set signs the ids', async () => {
    expect(config.sessionParameters.secret_key).toBe(undefined)
    const withSecret = (secret_key: string) => site<Counter>(counting, { ...fromZero, parameters: { secret_key } })
    await expect(withSecret('fLjUfxqXtfNoIldA0A0J')).rejects.toThrow('32 random bytes')
    const { open, calls } = await withSecret('a secret of more than 32 random bytes')
    const ann = open()
    await ann.get('/count')
    expect((await ann.get('/count')).text).toBe('2')
    expect((await ann.get('/')).setCookies[0]).toContain(`=${ann.cookies.get('webpy_session_id')};`)
    const before = calls().length
    const mallory = open()
    mallory.cookies.set('webpy_session_id', 'A'.repeat(46))
    await mallory.get('/')
    expect(calls()).toHaveLength(before)
  })

  it('Y34: the settings are read when the Session is made', async () => {
    const { open, advance } = await site<Counter>(counting, fromZero)
    Object.assign(config.sessionParameters, {
      cookie_name: 'other',
      timeout: 1,
      httponly: false,
      ignore_expiry: false,
      expired_message: 'other',
    })
    const ann = open()
    expect((await ann.get('/count')).setCookies[0]).toMatch(/^webpy_session_id=.*; HttpOnly/)
    advance(23 * HOUR)
    expect((await ann.get('/count')).text).toBe('2')
    advance(25 * HOUR)
    expect((await ann.get('/count')).text).toBe('1')
  })

  it('Y35: ids are unique against the store: one that is there already is drawn again', async () => {
    let refused = 0
    const inner = memoryStore()
    const store = interceptStore(inner, (call, run) =>
      call.method === 'insert' && refused++ < 2 ? Promise.resolve({ outcome: 'exists' }) : run(),
    )
    const { open } = await site<Counter>(counting, { ...fromZero, storage: { open: () => store } })
    const ann = open()
    await ann.get('/count')
    expect((await ann.get('/count')).text).toBe('2')
    expect([refused, await countIn(inner)]).toEqual([3, 1])
    const ids = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const visitor = open()
        await visitor.get('/count')
        return visitor.cookies.get('webpy_session_id')
      }),
    )
    expect(new Set(ids).size).toBe(200)
  })

  it('Y36: a cookie that is no id counts as none, and never becomes part of a path', async () => {
    const parent = await folder()
    const { open, calls } = await site<Counter>(counting, {
      ...fromZero,
      storage: new DiskStore(join(parent, 'sessions')),
    })
    for (const made of ['/etc/password', '"/etc/password"', '../../../outside', '..', 'zzz', '0'.repeat(40)]) {
      const mallory = open()
      mallory.cookies.set('webpy_session_id', made)
      const answer = await mallory.get('/count')
      expect([answer.status, answer.text], made).toEqual([200, '1'])
      expect(mallory.cookies.get('webpy_session_id')).not.toBe(made)
    }
    expect(calls().filter((method) => method === 'get')).toEqual([])
    expect(await readdir(parent)).toEqual(['sessions'])
  })

  it('Y37: saved also on a redirect, and when the page throws', async () => {
    const { open } = await site<Counter>(
      (session) => ({
        '/redirect': () => ((session().count = 20), seeother('/show')),
        '/throw': () => {
          session().count = 50
          throw new Error('the page failed')
        },
        '/show': () => String(session().count),
      }),
      fromZero,
    )
    const ann = open()
    const redirect = await ann.get('/redirect')
    expect([redirect.status, redirect.headers.get('location')]).toEqual([303, '/show'])
    expect((await ann.get('/show')).text).toBe('20')
    const failed = await ann.get('/throw')
    expect([failed.status, failed.setCookies.length]).toEqual([500, 1])
    expect((await ann.get('/show')).text).toBe('50')
  })

  it('Y38: data are written only when they were changed, and each use is written down', async () => {
    const { open, calls, advance } = await site<Counter>(
      (session) => ({ ...counting(session), '/show': () => String(session().count) }),
      fromZero,
    )
    const ann = open()
    await ann.get('/count')
    advance(10)
    await ann.get('/show')
    advance(10)
    await ann.get('/count')
    expect(calls()).toEqual(['insert', 'get', 'touch', 'get', 'update'])
  })

  it('Y39: parallel browsers are independent', async () => {
    const { open } = await site<Counter>(counting, fromZero)
    const texts = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const visitor = open()
        let text = ''
        for (let n = 0; n <= i; n++) text = (await visitor.get('/count')).text
        return text
      }),
    )
    expect(texts).toEqual(Array.from({ length: 20 }, (_, i) => String(i + 1)))
  })

  it('Y40: the example with levels of privilege, whose reset page still reads the session that it has killed', async () => {
    interface User {
      login: number
      privilege: number
      user: { name: string; tags: string[] }
    }
    const names = ['anonymous', 'reader', 'writer']
    const { open } = await site<User>(
      (session) => ({
        '/login': {
          GET: () => names[session().privilege] ?? '',
          POST: async () => {
            const { user = '', level = '0' } = input()
            await sessionsOf(session()).current().rotate()
            Object.assign(session(), { login: 1, privilege: Number(level), user: { name: user, tags: ['x'] } })
            return seeother('/login')
          },
        },
        '/reset': () => {
          void session().kill()
          session().login = 0
          const { name, tags } = session().user
          return `bye ${name} ${tags.join()} ${session().privilege} ${session().get('login')}`
        },
      }),
      { initializer: { login: 0, privilege: 0, user: { name: '', tags: [] } } },
    )
    const ann = open()
    expect((await ann.get('/login')).text).toBe('anonymous')
    const before = ann.cookies.get('webpy_session_id')
    await ann.post('/login', { user: 'ann', level: '2' })
    expect(ann.cookies.get('webpy_session_id')).not.toBe(before)
    expect((await ann.get('/login')).text).toBe('writer')
    expect((await ann.get('/reset')).text).toBe('bye ann x 2 0')
    expect((await ann.get('/login')).text).toBe('anonymous')
  })
})

const SHARED_TABLE = `
  import { createServer } from 'node:http'
  import { DatabaseSync } from 'node:sqlite'
  import { application, DBStore, Session, sessionsOf } from 'sojourn/originals/webpy'

  const db = new DatabaseSync('shared.db')
  db.exec('${shapeOf('if not exists sessions')}')
  const app = application({
    '/exact': async () => {
      session.get('count')
      return String(await sessionsOf(session).current().increment('count'))
    },
    '/count': () => String((session.count += 1)),
    '/reset': async () => (await session.kill(), 'killed'),
  })
  const session = new Session(app, new DBStore(db, 'sessions'), { count: 0 })
  createServer(app.node).listen(3000, '127.0.0.1')
`

describe('web.py’s own behaviour, done better', () => {
  it('Y6: a visitor whose page touches nothing gets the cookie, and leaves no record', async () => {
    const { open, count, calls } = await site<Counter>(counting, fromZero)
    for (let i = 0; i < 3; i++) {
      expect((await open().get('/')).setCookies[0]).toMatch(/^webpy_session_id=[0-9a-f]{40}; Path=\//)
    }
    const ann = open()
    expect([(await ann.get('/')).setCookies.length, (await ann.get('/')).setCookies.length]).toEqual([1, 0])
    expect([await count(), calls()]).toEqual([0, []])
    expect((await ann.get('/count')).text).toBe('1')
    expect((await ann.get('/count')).text).toBe('2')
  })

  it('Y6: a slow page that touches nothing does not take the cookie of a session that began meanwhile', async () => {
    let release = (): void => undefined
    let arrive = (): void => undefined
    const here = new Promise<void>((resolve) => (arrive = resolve))
    const begun = new Promise<void>((resolve) => (release = resolve))
    const { open } = await site<Counter>(
      (session) => ({
        ...counting(session),
        '/slow': async () => {
          arrive()
          await begun
          return 'slow'
        },
      }),
      fromZero,
    )
    const ann = open()
    await ann.get('/')
    const slow = ann.get('/slow')
    await here
    await ann.get('/count')
    release()
    expect((await slow).setCookies).toEqual([])
    expect((await ann.get('/count')).text).toBe('2')
  })

  it('Y30: what a visitor without a session was given is no id that could expire', async () => {
    const { open } = await site<Counter>(counting, { ...fromZero, parameters: { ignore_expiry: false } })
    const ann = open()
    expect([(await ann.get('/')).text, (await ann.get('/')).text, (await ann.get('/count')).text]).toEqual([
      'hello',
      'hello',
      '1',
    ])
  })

  it('Y13: kill does not send the old id once more', async () => {
    const { open } = await site<Counter>(counting, fromZero)
    const ann = open()
    await ann.get('/count')
    const old = ann.cookies.get('webpy_session_id') ?? ''
    const { setCookies } = await ann.get('/reset')
    expect(setCookies.join()).toMatch(/^webpy_session_id=;/)
    expect(setCookies.join()).not.toContain(old)
  })

  it('Y13 Y40: to kill a session once more changes nothing: what it held can still be read', async () => {
    const { open, count } = await site<Counter>(
      (session) => ({
        ...counting(session),
        '/twice': async () => {
          await session().kill()
          await session().kill()
          return String(session().count)
        },
      }),
      fromZero,
    )
    const ann = open()
    await ann.get('/count')
    expect([(await ann.get('/twice')).text, await count(), ann.cookies.size]).toEqual(['1', 0, 0])
  })

  it('Y40: lists and objects in what was killed can be read until the request ends, also after the kill has ended', async () => {
    const initializer = { user: { name: '', tags: ['none'] }, list: [{ n: 0 }] }
    const { open } = await site<typeof initializer>(
      (session) => ({
        '/set': () => (Object.assign(session(), { user: { name: 'ann', tags: ['x'] }, list: [{ n: 1 }] }), 'set'),
        '/reset': async () => {
          await session().kill()
          return JSON.stringify(session())
        },
      }),
      { initializer },
    )
    const ann = open()
    await ann.get('/set')
    expect((await ann.get('/reset')).text).toBe('{"user":{"name":"ann","tags":["x"]},"list":[{"n":1}]}')
  })

  it('Y13: kill without a cookie is no error, with any store', async () => {
    for (const [name, storage] of Object.entries(await everyStorage())) {
      const { open } = await site<Counter>(counting, { ...fromZero, storage })
      const killed = await open().get('/reset')
      expect([killed.status, killed.setCookies.length], name).toEqual([200, 1])
      expect(killed.setCookies[0], name).toMatch(/^webpy_session_id=; .*Max-Age=0/)
    }
  })

  it('Y30: a well-formed unknown id is never adopted', async () => {
    const { open } = await site<Counter>(counting, fromZero)
    const mallory = open()
    mallory.cookies.set('webpy_session_id', 'B'.repeat(46))
    await mallory.get('/count')
    const victim = open()
    victim.cookies.set('webpy_session_id', 'B'.repeat(46))
    expect((await victim.get('/count')).text).toBe('1')
    expect(new Set([mallory, victim].map(({ cookies }) => cookies.get('webpy_session_id'))).size).toBe(2)
  })

  it('Y30: where expiry is not ignored, a well-formed unknown id gets the message, and no error', async () => {
    const { open } = await site<Counter>(counting, { ...fromZero, parameters: { ignore_expiry: false } })
    const ann = open()
    ann.cookies.set('webpy_session_id', 'C'.repeat(46))
    const answer = await ann.get('/')
    expect([answer.status, answer.text, ann.cookies.size]).toEqual([200, 'Session expired', 0])
  })

  it('Y31: another address gets the message, its cookie cleared, and the record stays', async () => {
    const { open, count } = await site<Counter>(counting, { ...fromZero, parameters: { ignore_change_ip: false } })
    const ann = open()
    await ann.get('/count', { 'x-forwarded-for': '203.0.113.1' })
    const thief = thiefOf(ann, open)
    expect((await thief.get('/reset', { 'x-forwarded-for': '203.0.113.9' })).text).toBe('Session expired')
    expect([thief.cookies.size, await count()]).toEqual([0, 1])
    expect((await ann.get('/count', { 'x-forwarded-for': '203.0.113.1' })).text).toBe('2')
  })

  it('Y31: a server that does not tell addresses is an error where they count, and can be helped to tell them', async () => {
    config.sessionParameters.ignore_change_ip = false
    const urls: Urls = { '/count': () => String((session.count += 1)) }
    const silent = application(urls)
    const telling = application(urls, { clientAddress: (_request, address) => String(address) })
    const open = (app: Application) => new Session(app, new MemoryStore(), { count: 0 })
    let session = open(silent)
    const failed = await silent.fetch(new Request('http://localhost/count'))
    expect([failed.status, failed.headers.getSetCookie()]).toEqual([500, []])
    session = open(telling)
    const first = await telling.fetch(new Request('http://localhost/count'), '203.0.113.1')
    const cookie = first.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const from = async (address: string): Promise<string> =>
      (await telling.fetch(new Request('http://localhost/count', { headers: { cookie } }), address)).text()
    expect([await from('203.0.113.2'), await from('203.0.113.1')]).toEqual(['Session expired', '2'])
  })

  it('Y29: a session that was idle for longer than the timeout is over, though no sweep was due', async () => {
    const { open, advance, calls } = await site<Counter>(counting, { ...fromZero, parameters: { timeout: 1 } })
    const ann = open()
    await ann.get('/')
    advance(900)
    await ann.get('/count')
    advance(1_150)
    expect((await ann.get('/count')).text).toBe('1')
    expect(calls().filter((method) => method === 'sweep').length).toBeLessThanOrEqual(1)
  })

  it('Y18: of two overlapping requests that set different keys both are kept, in every store', async () => {
    for (const [name, storage] of Object.entries(await everyStorage())) {
      let arrived = 0
      let release = (): void => undefined
      const bothHere = new Promise<void>((resolve) => (release = resolve))
      const { open } = await site<Record<string, unknown>>(
        (session) => ({
          '/start': () => ((session()['first'] = 1), 'ok'),
          '/set': async () => {
            session()[input()['key'] ?? ''] = 1
            if (++arrived === 2) release()
            await bothHere
            return 'ok'
          },
          '/keys': () => Object.keys(session()).toSorted().join(),
        }),
        { storage },
      )
      const ann = open()
      await ann.get('/start')
      await Promise.all([ann.get('/set?key=left'), ann.get('/set?key=right')])
      expect((await ann.get('/keys')).text, name).toBe('first,left,right')
    }
  })

  it('Y13: a slow request that overlaps the logout does not bring the session back, nor its cookie, in every store', async () => {
    for (const [name, storage] of Object.entries(await everyStorage())) {
      let release = (): void => undefined
      let arrive = (): void => undefined
      const here = new Promise<void>((resolve) => (arrive = resolve))
      const gone = new Promise<void>((resolve) => (release = resolve))
      const { open } = await site<Counter>(
        (session) => ({
          ...counting(session),
          '/slow': async () => {
            session().count += 100
            arrive()
            await gone
            return 'late'
          },
        }),
        { ...fromZero, storage },
      )
      const ann = open()
      await ann.get('/count')
      const [tab, thief] = [thiefOf(ann, open), thiefOf(ann, open)]
      const slow = tab.get('/slow')
      await here
      await ann.get('/reset')
      release()
      expect((await slow).setCookies, name).toEqual([])
      expect((await thief.get('/count')).status, name).toBe(409)
    }
  })

  it('Y9 Y12: a key named keys is a key like any other; those of the two methods are refused at the start', async () => {
    const { open } = await site<{ keys: number; update: number }>(
      (session) => ({ '/': () => `${(session().keys += 1)} ${(session()['update'] += 1)}` }),
      { initializer: { keys: 0, update: 0 } },
    )
    const ann = open()
    expect([(await ann.get('/')).text, (await ann.get('/')).text]).toEqual(['1 1', '2 2'])
    for (const name of ['get', 'kill']) {
      expect(() => new Session(undefined, new MemoryStore(), { [name]: 1 })).toThrow(`the name ${name} is taken`)
      const made = await site<Record<string, number>>((session) => ({ '/': () => JSON.stringify(session()) }), {
        initializer: () => ({ [name]: 1 }),
      })
      expect((await made.open().get('/')).status).toBe(500)
    }
  })

  it('a response that could not end the session is an error, and no goodbye', async () => {
    const failing = faultStore(memoryStore(), { rules: [] })
    const { open } = await site<Counter>(
      (session) => ({
        ...counting(session),
        '/bye': () => {
          void session().kill()
          return 'bye'
        },
      }),
      { ...fromZero, storage: { open: () => failing.store } },
    )
    const ann = open()
    await ann.get('/count')
    failing.setRules([{ methods: ['delete'], fault: 'reject' }])
    const answer = await ann.get('/bye')
    expect([answer.status, answer.text.includes('bye')]).toEqual([503, false])
    failing.setRules([])
    expect((await ann.get('/count')).text).toBe('2')
  })

  it('a token that a login has replaced meanwhile does not go back with a slower response', async () => {
    let release = (): void => undefined
    let arrive = (): void => undefined
    const here = new Promise<void>((resolve) => (arrive = resolve))
    const done = new Promise<void>((resolve) => (release = resolve))
    const { open } = await site<Counter>(
      (session) => ({
        ...counting(session),
        '/login': async () => {
          await sessionsOf(session()).current().login('ann', { keep: 'all' })
          return 'in'
        },
        '/slow': async () => {
          arrive()
          await done
          return String(session().get('count'))
        },
      }),
      fromZero,
    )
    const ann = open()
    await ann.get('/count')
    const slow = thiefOf(ann, open).get('/slow')
    await here
    await ann.get('/login')
    release()
    expect((await slow).setCookies).toEqual([])
    expect((await ann.get('/count')).text).toBe('2')
  })

  it('nor one that was rotated', async () => {
    let release = (): void => undefined
    let arrive = (): void => undefined
    const here = new Promise<void>((resolve) => (arrive = resolve))
    const done = new Promise<void>((resolve) => (release = resolve))
    const { open, advance } = await site<Counter>(
      (session) => ({
        ...counting(session),
        '/rotate': async () => sessionsOf(session()).current().rotate(),
        '/slow': async () => {
          arrive()
          await done
          return String(session().get('count'))
        },
      }),
      fromZero,
    )
    const ann = open()
    await ann.get('/count')
    const slow = ann.get('/slow')
    await here
    expect((await ann.get('/rotate')).text).toBe('rotated')
    release()
    await slow
    advance(HOUR)
    expect((await ann.get('/count')).text).toBe('2')
  })

  it('a visitor who is served without the store keeps the cookie as it is', async () => {
    const failing = faultStore(memoryStore(), { rules: [] })
    const { open, address } = await site<Counter>(counting, {
      ...fromZero,
      storage: { open: () => failing.store },
      extras: { onStoreError: 'anonymous', fallbacks: [urlCarrier()] },
    })
    const ann = open()
    await ann.get('/count')
    failing.setRules([{ methods: ['get'], fault: 'reject' }])
    for (const path of ['/', '/count']) expect((await ann.get(path)).setCookies, path).toEqual([])
    // A cookie here would end the session of a client that goes on by its address.
    const byAddress = await fetch(`${address}/count?sid=${ann.cookies.get('webpy_session_id')}`)
    expect([byAddress.status, byAddress.headers.getSetCookie()]).toEqual([200, []])
    failing.setRules([])
    expect((await ann.get('/count')).text).toBe('2')
  })

  it('in production a cookie without Secure and a memory store are refused at the start', () => {
    const before = process.env['NODE_ENV']
    process.env['NODE_ENV'] = 'production'
    onTestFinished(() => void (process.env['NODE_ENV'] = before ?? 'test'))
    expect(() => new Session(undefined, new MemoryStore({ allowInProduction: true }))).toThrow(/secure is false/)
    config.sessionParameters.secure = true
    expect(() => new Session(undefined, new MemoryStore())).toThrow(/forgets all sessions at a restart/)
    expect(() => new Session(undefined, new MemoryStore({ allowInProduction: true }))).not.toThrow()
  })

  it('serves any front of the engine', async () => {
    const session = new Session(undefined, new MemoryStore(), { count: 0 })
    const app = express()
    app.use(expressSessions(sessionsOf(session)))
    app.get('/count', (_request, response) => void response.end(String((session.count += 1))))
    const ann = browser(await listen(app))
    expect([(await ann.get('/count')).text, (await ann.get('/count')).text]).toEqual(['1', '2'])
    expect(() => session.count).toThrow('no request is being served here')
  })

  it('an application without sessions answers with an error that says how to make them, and goes on', async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    onTestFinished(() => said.mockRestore())
    for (const host of Object.values(hosts)) {
      const app = application({ '/count': () => String((session.count += 1)) })
      const address = await host(app)
      expect((await fetch(`${address}/count`)).status).toBe(500)
      const session = new Session(app, new MemoryStore(), { count: 0 })
      expect(await (await fetch(`${address}/count`)).text()).toBe('1')
    }
    expect(String(said.mock.calls[0]?.[0])).toMatch(/it has no sessions yet; .*new Session\(app, store\).* a name/)
  })

  it('a page for certain methods says which, and takes no name of every object for a method', async () => {
    const { app, open } = await site<Counter>(
      (session) => ({
        '/': { GET: () => String(session().count), POST: () => seeother('/') },
      }),
      fromZero,
    )
    for (const method of ['DELETE', 'constructor', 'toString', 'hasOwnProperty']) {
      const answer = await app.fetch(new Request('http://localhost/', { method }))
      expect([answer.status, answer.headers.get('allow')], method).toEqual([405, 'GET, POST'])
    }
    expect([(await open().get('/')).text, (await open().post('/', {})).status]).toEqual(['0', 303])
  })

  it('refuses at the start what it cannot work with, and says what it expects', () => {
    class HalfStore extends ShelfStore {
      override cleanup = undefined as never
    }
    const make = (...parts: readonly unknown[]): unknown => Reflect.construct(Session, parts)
    const app = application({})
    const refused: readonly (readonly [() => unknown, RegExp])[] = [
      [() => make(app), /^Session: store: expected one, such as new DiskStore/],
      [() => make(app, memoryStore()), /^Session: store: expected one, .*\{ open: \(\) => store \}/],
      [() => make({}, new MemoryStore()), /^Session: app must be an application\(urls\)/],
      [() => make(app, new MemoryStore(), null), /^initializer: expected the starting contents/],
      [() => make(app, new HalfStore(new Map())), /^HalfStore: the method cleanup is missing/],
      [
        () => make(app, new OwnStore(), {}, { perSubject: { max: 1, onLimit: 'reject' } }),
        /^perSubject: store OwnStore/,
      ],
      [(): unknown => Reflect.construct(DBStore, [undefined, 'sessions']), /^DBStore: expected an open database/],
      [(): unknown => Reflect.construct(ShelfStore, []), /^ShelfStore: expected a shelf/],
      [(): unknown => Reflect.apply(application, undefined, []), /^application: expected pages/],
      [() => application({ count: () => '' }), /^application: "count" is no page; expected .* under paths/],
      [() => application({ '/': 'text' as never }), /^application: "\/" is no page/],
    ]
    for (const [run, message] of refused) {
      expect(run).toThrow(TypeError)
      expect(run).toThrow(message)
    }
    for (const [name, value] of Object.entries({
      ignore_expiry: 'no',
      ignore_change_ip: 0,
      httponly: undefined,
      secure: 'yes',
      expired_message: 5,
      secret_key: 'short',
      timeout: '60',
    })) {
      Object.assign(config.sessionParameters, DEFAULTS, { [name]: value })
      expect(() => make(app, new MemoryStore()), name).toThrow(new RegExp(`^${name}: expected`))
    }
  })
})
