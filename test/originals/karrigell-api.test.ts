import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createSessions, isScannable } from 'sojourn'
import type { Store } from 'sojourn'
import { nodeSessions } from 'sojourn/node'
import {
  createKarrigell,
  customSessions,
  fileSessions,
  memorySessions,
  sqliteSessions,
} from 'sojourn/originals/karrigell'
import type { Karrigell, KarrigellOptions, Reply, SessionStorage } from 'sojourn/originals/karrigell'
import { memoryStore } from 'sojourn/stores/memory'
import { sqliteStore } from 'sojourn/stores/sqlite'
import { countingStore, faultStore, testKey, testRecord } from 'sojourn/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { heldObjects } from '../../src/fronts/originals/karrigell/held.ts'
import { keepingStore } from '../../src/fronts/originals/karrigell/keeping-store.ts'
import { factsOf } from '../facts.ts'
import { settled } from '../support/bed.ts'
import { hosts } from './hosts.ts'
import type { Browser } from './web.ts'
import { browser, listen } from './web.ts'

const MINUTE = 60_000

type Attributes = Record<string, unknown>
type Scripts = Readonly<Record<string, () => Reply | Promise<Reply>>>

interface Site {
  readonly karrigell: Karrigell<Attributes>
  readonly address: string
  readonly open: () => Browser
  readonly advance: (milliseconds: number) => void
}

async function site(
  make: (karrigell: Karrigell<Attributes>) => Scripts,
  options: KarrigellOptions<Attributes> = {},
): Promise<Site> {
  let time = Date.now()
  const now = (): number => time
  const karrigell = createKarrigell<Attributes>({ now, cookie: { insecureDevelopment: true }, ...options })
  onTestFinished(() => karrigell.sessions.close().catch(() => undefined))
  const address = await listen(karrigell.serve(make(karrigell)).node)
  return { karrigell, address, open: () => browser(address), advance: (milliseconds) => void (time += milliseconds) }
}

/** The store behind an application, to count what is in it. */
function watched(storage: SessionStorage): { readonly storage: SessionStorage; count(): Promise<number> } {
  let store: Store | undefined
  return {
    storage: { ...storage, open: (now) => (store = storage.open(now)) },
    async count() {
      let count = 0
      if (store !== undefined && isScannable(store)) for await (const page of store.scan()) count += page.length
      return count
    },
  }
}

/** The original's example: a form, a script that keeps what it submits, and one that greets. */
const example =
  (options: { readonly closes: boolean }) =>
  ({ Session, REQUEST }: Karrigell<Attributes>): Scripts => ({
    '/': () => '<form action="/script1" method="post"><input name="name"><input name="firstname"></form>',
    '/script1': () => {
      const session = Session()
      session['name'] = REQUEST['name']
      session['firstname'] = REQUEST['firstname']
      return '<a href="/script2">Next...</a>'
    },
    '/script2': async () => {
      const session = Session()
      const text = `${String(session['firstname'])} ${String(session['name'])}`
      if (options.closes) await session.close()
      return text
    },
  })

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sojourn-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

describe('Karrigell’s Session()', () => {
  it('K1 K2: a script that does not call it leaves no trace, the first call sets the cookie sessionId', async () => {
    const { store, count } = countingStore(memoryStore())
    const { open } = await site(({ Session }) => ({ '/static': () => 'hello', '/session': () => typeof Session() }), {
      storage: { open: () => store },
    })
    const ann = open()
    expect((await ann.get('/static')).setCookies).toEqual([])
    expect(count()).toBe(0)
    const first = await ann.get('/session')
    expect(first.setCookies).toHaveLength(1)
    expect(first.setCookies[0]).toMatch(/^sessionId=[^;]+; Path=\/; .*HttpOnly/)
    expect((await ann.get('/session')).setCookies).toEqual([])
  })

  it('K3 K4 K5 K6: an object with attributes, found again by every other script, kept in memory', async () => {
    const { open } = await site(({ Session }) => ({
      '/set': () => {
        const session = Session()
        session['name'] = 'John Doe'
        expect(Session()).toBe(session)
        return String(session['name'])
      },
      '/other': () => String(Session()['name']),
      '/keys': () => `${Object.keys(Session()).join()} ${String('name' in Session())} ${String('age' in Session())}`,
      '/delete': () => String(Reflect.deleteProperty(Session(), 'name')),
    }))
    const ann = open()
    expect((await ann.get('/set')).text).toBe('John Doe')
    expect((await ann.get('/other')).text).toBe('John Doe')
    expect((await ann.get('/keys')).text).toBe('name true false')
    expect((await ann.get('/delete')).text).toBe('true')
    expect((await ann.get('/other')).status).toBe(500)
    expect((await open().get('/other')).status).toBe(500)
  })

  it('K7 K10: close discards it; reading an attribute that is not there is an error which names it', async () => {
    const { open } = await site(({ Session }) => ({
      '/set': () => ((Session()['v'] = 1), 'set'),
      '/close': async () => {
        const session = Session()
        await session.close()
        expect(() => session['v']).toThrow(new ReferenceError('Session(): there is no "v"; ask with in'))
        Session()['late'] = 1
        return String('v' in Session())
      },
      '/keys': () => Object.keys(Session()).join(),
      '/taken': () => {
        expect(() => Object.assign(Session(), { close: 1 })).toThrow(/the name close is taken/)
        return 'ok'
      },
    }))
    const ann = open()
    await ann.get('/set')
    const stolen = open()
    for (const [name, value] of ann.cookies) stolen.cookies.set(name, value)
    const closed = await ann.get('/close')
    expect(closed.text).toBe('false')
    expect(closed.setCookies[0]).toMatch(/^sessionId=; .*Max-Age=0/)
    expect((await stolen.get('/keys')).text).toBe('')
    expect((await ann.get('/keys')).text).toBe('')
    expect((await ann.get('/taken')).text).toBe('ok')
  })

  it('K7: a script need not wait for close; its response does, and is an error when close failed', async () => {
    const failing = faultStore(memoryStore(), { rules: [] })
    const { open } = await site(
      ({ Session }) => ({
        '/set': () => ((Session()['v'] = 1), 'set'),
        '/close': () => {
          void Session().close()
          return 'bye'
        },
        '/keys': () => Object.keys(Session()).join(),
      }),
      { storage: { open: () => failing.store } },
    )
    const ann = open()
    await ann.get('/set')
    failing.setRules([{ methods: ['delete'], fault: 'reject' }])
    const failed = await ann.get('/close')
    expect([failed.status, failed.text.includes('bye')]).toEqual([503, false])
    expect((await ann.get('/keys')).text).toBe('v')
    failing.setRules([])
    expect((await ann.get('/close')).text).toBe('bye')
    expect((await ann.get('/keys')).text).toBe('')
  })

  it.each(Object.entries(hosts))('K10 K11 K12: the worked example on %s', async (_name, host) => {
    for (const closes of [true, false]) {
      const karrigell = createKarrigell<Attributes>({ cookie: { insecureDevelopment: true } })
      const ann = browser(await host(karrigell.serve(example({ closes })(karrigell))))
      const form = await ann.get('/')
      expect(form.text).not.toMatch(/hidden/)
      const posted = await ann.post('/script1', { name: 'Doe', firstname: 'John' })
      expect(posted.text).toBe('<a href="/script2">Next...</a>')
      expect((await ann.get('/script2')).text).toBe('John Doe')
      // Back, and Next again.
      const again = await ann.get('/script2')
      expect(again.status).toBe(closes ? 500 : 200)
      if (!closes) expect(again.text).toBe('John Doe')
    }
  })

  it('K8 K9: never more than 1000, of 1001 the one that was created first is gone, whoever was used last', async () => {
    const { storage, count } = watched(memorySessions())
    const { open } = await site(
      ({ Session }) => ({
        '/make': () => ((Session()['v'] = 1), 'ok'),
        '/alive': () => String('v' in Session()),
      }),
      { storage },
    )
    const visitors = Array.from({ length: 1_001 }, open)
    for (const visitor of visitors.slice(0, 1_000)) await visitor.get('/make')
    expect(await count()).toBe(1_000)
    for (const visitor of visitors.slice(0, 1_000)) expect((await visitor.get('/alive')).text).toBe('true')
    expect((await visitors[0]!.get('/alive')).text).toBe('true')
    await visitors[1_000]!.get('/make')
    expect(await count()).toBe(1_000)
    for (const visitor of visitors.slice(1)) expect((await visitor.get('/alive')).text).toBe('true')
    expect((await visitors[0]!.get('/alive')).text).toBe('false')
    expect(await count()).toBe(1_000)
    // Four thousand requests.
  }, 60_000)

  it('K13: with files or SQLite a session survives a restart', async () => {
    const path = await folder()
    for (const open of [() => fileSessions(join(path, 'sessions')), () => sqliteSessions(join(path, 'sessions.db'))]) {
      const before = await site(example({ closes: false }), { storage: open() })
      const ann = before.open()
      await ann.post('/script1', { name: 'Doe', firstname: 'John' })
      await before.karrigell.sessions.close()
      const after = await site(example({ closes: false }), { storage: open() })
      const later = after.open()
      for (const [name, value] of ann.cookies) later.cookies.set(name, value)
      expect((await later.get('/script2')).text).toBe('John Doe')
    }
  })

  it('K14: a lasting session refuses, at the assignment, what it cannot keep, and names the key', async () => {
    class Connection {
      readonly host = 'db'
    }
    const path = await folder()
    for (const storage of [
      fileSessions(join(path, 'sessions')),
      sqliteSessions(join(path, 'sessions.db')),
      customSessions({ get: () => undefined, save: () => undefined }),
    ]) {
      const { open } = await site(
        ({ Session }) => ({
          '/': () => {
            const session = Session()
            for (const [value, what] of [
              [new Connection(), 'Connection'],
              [() => 1, 'function'],
              [new Map(), 'Map'],
              [[{ deep: Symbol('s') }], 'symbol'],
            ] as const) {
              expect(() => (session['connection'] = value)).toThrow(new RegExp(`data\\.connection.* is a ${what}`))
            }
            session['fine'] = { list: [1, 'two', { three: null }] }
            return Object.keys(session).join()
          },
        }),
        { storage },
      )
      expect((await open().get('/')).text).toBe('fine')
    }
  })

  it('K14: a session in memory accepts any object, and gives the very object back', async () => {
    class Connection {
      used = 0
    }
    const connection = new Connection()
    const { open, karrigell } = await site(({ Session, REQUEST }) => ({
      '/set': () => {
        const session = Session()
        session['connection'] = connection
        session['made'] = { at: new Date(0), by: [() => 'me'], tags: new Set(['a']) }
        session['plain'] = { list: [1] }
        return 'ok'
      },
      '/use': () => {
        const session = Session()
        const found = session['connection'] as Connection
        const { at, by, tags } = session['made'] as { at: Date; by: (() => string)[]; tags: Set<string> }
        ;(session['plain'] as { list: number[] }).list.push(2)
        return `${String(found === connection)} ${(found.used += 1)} ${at.getTime()} ${by[0]!()} ${[...tags].join()}`
      },
      '/plain': () => JSON.stringify(Session()['plain']),
      '/key': () => ((Session()[REQUEST['key']!] = new Date(1)), 'ok'),
      '/keys': () => Object.keys(Session()).toSorted().join(),
    }))
    const conflicts: unknown[] = []
    karrigell.sessions.on('conflict', (event) => conflicts.push(event))
    const ann = open()
    await ann.get('/set')
    expect((await ann.get('/use')).text).toBe('true 1 0 me a')
    expect((await ann.get('/use')).text).toBe('true 2 0 me a')
    expect((await ann.get('/plain')).text).toBe('{"list":[1,2,2]}')
    await Promise.all([ann.get('/key?key=left'), ann.get('/key?key=right')])
    expect((await ann.get('/keys')).text).toBe('connection,left,made,plain,right')
    expect((await ann.get('/use')).text).toBe('true 3 0 me a')
  })

  it('K14: what cannot be kept in memory either is refused at the assignment, with its key', async () => {
    const round: Attributes = {}
    round['self'] = round
    const { open } = await site(({ Session }) => ({
      '/': () => {
        const session = Session()
        expect(() => (session['big'] = 10n)).toThrow('data.big is a bigint')
        expect(() => (session['nan'] = NaN)).toThrow('data.nan is NaN')
        expect(() => (session['round'] = round)).toThrow(/data\.round\.self.* contains itself/)
        session['fine'] = new Map([['big', 10n]])
        return Object.keys(session).join()
      },
    }))
    const ann = open()
    expect([(await ann.get('/')).text, (await ann.get('/')).text]).toEqual(['fine', 'fine'])
  })

  it('K15: 15 minutes after the last use, and the time and the path can be set', async () => {
    const scripts = ({ Session }: Karrigell<Attributes>): Scripts => ({
      '/set': () => ((Session()['v'] = 1), 'set'),
      '/shop/set': () => ((Session({ path: '/shop' })['v'] = 2), 'set'),
      '/shop/close': async () => (await Session({ path: '/shop' }).close(), 'closed'),
      '/alive': () => String('v' in Session()),
      '/shop/$&': () => ((Session({ path: '/shop/$&' })['v'] = 3), 'set'),
      '/text': () => {
        // As the original's users may write it who know durations: it must not become 15 milliseconds.
        expect(() => Session({ expires: '15m' as never })).toThrow('Session: expires must be a number of seconds')
        return 'refused'
      },
      '/bad': () => JSON.stringify(Session({ path: '/; Domain=example.com' })),
    })
    const called = await site(({ Session, REQUEST }) => ({
      '/set': () => ((Session({ expires: 3600 })['v'] = 1), 'set'),
      '/alive': () => String('v' in Session()),
      '/expires': () => String('v' in Session({ expires: Number(REQUEST['expires']) })),
    }))
    const eve = called.open()
    const aliveAfter = async (seconds: number): Promise<string> => {
      called.advance(seconds * 1000)
      return (await eve.get('/alive')).text
    }
    await eve.get('/set')
    expect([await aliveAfter(3599), await aliveAfter(3599)]).toEqual(['true', 'true'])
    await eve.get('/expires?expires=60')
    expect([await aliveAfter(59), await aliveAfter(59), await aliveAfter(60)]).toEqual(['true', 'true', 'false'])
    for (const expires of ['no', '0', '-1', '1e30', 'Infinity']) {
      expect((await called.open().get(`/expires?expires=${expires}`)).status, expires).toBe(500)
    }
    const usual = await site(scripts)
    const longer = await site(scripts, { timeouts: { idle: '1h' } })
    for (const [{ open, advance }, minutes] of [
      [usual, 15],
      [longer, 60],
    ] as const) {
      const ann = open()
      await ann.get('/set')
      for (let i = 0; i < 4; i++) {
        advance(minutes * MINUTE - 1)
        expect((await ann.get('/alive')).text).toBe('true')
      }
      advance(minutes * MINUTE)
      expect((await ann.get('/alive')).text).toBe('false')
    }
    const bob = usual.open()
    expect((await bob.get('/shop/set')).setCookies[0]).toMatch(/^sessionId=[^;]+; Path=\/shop;/)
    expect((await bob.get('/shop/close')).setCookies[0]).toMatch(/^sessionId=; Path=\/shop; .*Max-Age=0/)
    expect((await usual.open().get('/shop/$&')).setCookies[0]).toMatch(/^sessionId=[^;]+; Path=\/shop\/\$&; HttpOnly/)
    expect((await usual.open().get('/text')).text).toBe('refused')
    expect((await usual.open().get('/bad')).status).toBe(500)
  })

  it('K16: two applications on one host have different sessions for one client', async () => {
    const scripts = ({ Session, REQUEST }: Karrigell<Attributes>): Scripts => ({
      '/set': () => ((Session()['who'] = REQUEST['who']), 'set'),
      '/who': () => String(Session()['who']),
    })
    const storage = watched(memorySessions())
    const shared = storage.storage.open(Date.now)
    const open = (): Store => shared
    const shop = await site(scripts, { application: 'shop', storage: { ...storage.storage, open } })
    const blog = await site(scripts, { application: 'blog', storage: { ...storage.storage, open } })
    const [atShop, atBlog] = [shop.open(), blog.open()]
    await atShop.get('/set?who=customer')
    // One client, one jar: both cookies go to both.
    for (const [name, value] of atShop.cookies) atBlog.cookies.set(name, value)
    expect((await atBlog.get('/who')).status).toBe(500)
    await atBlog.get('/set?who=reader')
    for (const [name, value] of atBlog.cookies) atShop.cookies.set(name, value)
    expect([...atShop.cookies.keys()].toSorted()).toEqual(['sessionId-blog', 'sessionId-shop'])
    expect([(await atShop.get('/who')).text, (await atBlog.get('/who')).text]).toEqual(['customer', 'reader'])
    // The token of one is nothing to the other, under whatever name it comes.
    const mixed = blog.open()
    mixed.cookies.set('sessionId-blog', atShop.cookies.get('sessionId-shop') ?? '')
    expect((await mixed.get('/who')).status).toBe(500)
  })

  it('K17: a storage of one’s own is get and save, and remove where what has ended shall go', async () => {
    for (const hasRemove of [true, false]) {
      const saved = new Map<string, string>()
      const storage = customSessions({
        get: async (id) => JSON.parse(saved.get(id) ?? 'null') as unknown,
        save: async (id, session) => void saved.set(id, JSON.stringify(session)),
        ...(hasRemove ? { remove: (id: string) => saved.delete(id) } : {}),
      })
      const { open, advance } = await site(example({ closes: true }), { storage })
      const ann = open()
      await ann.post('/script1', { name: 'Doe', firstname: 'John' })
      expect(saved.size).toBe(1)
      expect([...saved.keys()].join()).not.toContain(ann.cookies.get('sessionId'))
      expect((await ann.get('/script2')).text).toBe('John Doe')
      expect((await ann.get('/script2')).status).toBe(500)
      expect([...saved.values()].filter((text) => text.includes('John'))).toEqual([])
      // Nor does it keep what has expired, once it meets that.
      const bob = open()
      await bob.post('/script1', { name: 'Doe', firstname: 'Johnny' })
      advance(15 * MINUTE)
      expect((await bob.get('/script2')).status).toBe(500)
      expect([...saved.values()].filter((text) => text.includes('Johnny'))).toEqual([])
    }
    expect(() => customSessions({} as never)).toThrow('expected an object with the methods get and save')
  })

  it('K18: with SQLite 200 new sessions never leave more than 110, and those that were used last stay', async () => {
    const path = join(await folder(), 'sessions.db')
    const { open, advance } = await site(
      ({ Session }) => ({ '/make': () => ((Session()['v'] = 1), 'ok'), '/alive': () => String('v' in Session()) }),
      { storage: sqliteSessions(path) },
    )
    const looker = sqliteStore({ path })
    onTestFinished(() => looker.close())
    const rows = async (): Promise<number> => {
      let count = 0
      for await (const page of looker.scan()) count += page.length
      return count
    }
    const first = open()
    let most = 0
    for (let i = 0; i < 200; i++) {
      advance(10)
      await (i === 0 ? first : open()).get('/make')
      advance(10)
      expect((await first.get('/alive')).text, `after ${i}`).toBe('true')
      most = Math.max(most, await rows())
    }
    expect(most).toBe(110)
    expect(await rows()).toBeGreaterThanOrEqual(100)
  })

  it('K19: a redirect keeps the session', async () => {
    const { open } = await site(({ Session }) => ({
      '/set': () => ((Session()['v'] = 'kept'), { status: 302, headers: { location: '/get' } }),
      '/get': () => String(Session()['v']),
    }))
    const ann = open()
    const redirect = await ann.get('/set')
    expect([redirect.status, (await ann.get(redirect.headers.get('location') ?? '')).text]).toEqual([302, 'kept'])
  })

  it('K20: the frames of one page, which come at once, all keep what they set', async () => {
    let arrived = 0
    let release = (): void => undefined
    const bothHere = new Promise<void>((resolve) => (release = resolve))
    const { open } = await site(({ Session, REQUEST }) => ({
      '/start': () => ((Session()['v'] = 1), 'ok'),
      '/frame': async () => {
        Session()[REQUEST['key']!] = 1
        if (++arrived === 2) release()
        await bothHere
        return 'ok'
      },
      '/keys': () => Object.keys(Session()).toSorted().join(),
    }))
    const ann = open()
    await ann.get('/start')
    await Promise.all([ann.get('/frame?key=left'), ann.get('/frame?key=right')])
    expect((await ann.get('/keys')).text).toBe('left,right,v')
  })

  it('K21: an id has 256 random bits, a made-up one is never adopted, close always takes the cookie away', async () => {
    const { open } = await site(example({ closes: true }))
    for (const made of ['abcdefgh', '../../etc/passwd', 'A'.repeat(46)]) {
      const mallory = open()
      mallory.cookies.set('sessionId', made)
      await mallory.post('/script1', { name: 'Doe', firstname: 'John' })
      const given = mallory.cookies.get('sessionId') ?? ''
      expect(given).not.toBe(made)
      expect(given).toMatch(/^[\w-]{46}$/)
      const victim = open()
      victim.cookies.set('sessionId', made)
      expect((await victim.get('/script2')).status).toBe(500)
      // In another request than the one that set it.
      expect((await mallory.get('/script2')).setCookies[0]).toMatch(/^sessionId=; .*Max-Age=0/)
    }
  })

  it('is the session of whichever request runs, and an error outside of one', async () => {
    const { open, karrigell } = await site(({ Session, REQUEST }) => ({
      '/slow': async () => {
        Session()['v'] = REQUEST['v']
        await new Promise((resolve) => setImmediate(resolve))
        return String(Session()['v'])
      },
    }))
    const { open: reading } = await site(({ REQUEST }) => ({
      '/': () => {
        expect(() => REQUEST['none']).toThrow('REQUEST: there is no "none"; ask with in')
        expect(() => Object.assign(REQUEST, { v: 1 })).toThrow('REQUEST: what a client has sent cannot be changed')
        return REQUEST['v'] ?? ''
      },
    }))
    expect((await reading().get('/?v=sent')).text).toBe('sent')
    const texts = await Promise.all([1, 2, 3, 4].map(async (v) => (await open().get(`/slow?v=${v}`)).text))
    expect(texts).toEqual(['1', '2', '3', '4'])
    expect(() => karrigell.Session()).toThrow('no request is being served here')
  })

  it('works behind any front of the engine', async () => {
    const { Session, sessions } = createKarrigell<{ visits: number }>({
      initial: () => ({ visits: 0 }),
      cookie: { insecureDevelopment: true },
    })
    const handler = nodeSessions(sessions)((_request, response) => response.end(`visit ${(Session().visits += 1)}`))
    const server = createServer(handler)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const bound = server.address()
    const ann = browser(`http://127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`)
    expect([(await ann.get('/')).text, (await ann.get('/')).text]).toEqual(['visit 1', 'visit 2'])
  })

  it('refuses what it cannot do at the start', () => {
    expect(() => createKarrigell({ application: 'my shop' })).toThrow(/^application: /)
    expect(() => createKarrigell({ store: memoryStore() } as never)).toThrow(/store is no option here; give storage/)
    expect(() => createKarrigell({ storage: memoryStore() as never })).toThrow(
      /^createKarrigell: storage: .*open: \(\) => store/,
    )
    expect(() => createKarrigell().serve({ '/': 1 as never })).toThrow(/^serve: "\/" is no page/)
    const perSubject = { max: 1, onLimit: 'reject' } as const
    const storage = customSessions({ get: () => undefined, save: () => undefined })
    expect(() => createKarrigell({ storage, perSubject })).toThrow(/^perSubject: store custom does not know/)
    expect(() => memorySessions({ maxSessions: 0 })).toThrow(/^memorySessions: maxSessions/)
    expect(() => sqliteSessions('x.db', { maxSessions: 1.5 })).toThrow(/^sqliteSessions: maxSessions/)
  })
})

/** Something that JSON cannot keep. */
function connect(to: unknown): object {
  return new Map([['to', to]])
}

describe('objects in memory', () => {
  const collect = (): void => {
    setFlagsFromString('--expose-gc')
    ;(runInNewContext('gc') as () => void)()
  }

  it('K8 K14: of 100,000 sessions with an object each no more are kept than sessions, and the others are let go', async () => {
    const { codec, objectsIn } = heldObjects()
    const keeping = keepingStore(memoryStore({ maxEntries: 1_000, evict: 'oldest-created' }), 1_000, objectsIn)
    const { store } = keeping
    const seen: WeakRef<object>[] = []
    let most = 0
    for (let i = 0; i < 100_000; i++) {
      const connection = connect(i)
      seen.push(new WeakRef(connection))
      const data = codec.encode({ connection })
      await store.insert(testKey(`visitor ${i}`), testRecord(Date.now(), `visitor ${i}`, { data }))
      most = Math.max(most, keeping.size)
      // Requests come in turns of the event loop.
      if (i % 100 === 0) await settled()
    }
    expect(most).toBeLessThan(4_000)
    while (!(await store.sweep(1_000)).isDone);
    expect(keeping.size).toBe(1_000)
    await new Promise((resolve) => setTimeout(resolve))
    collect()
    const alive = seen.filter((ref) => ref.deref() !== undefined).length
    expect(alive).toBeGreaterThanOrEqual(1_000)
    expect(alive).toBeLessThan(1_100)
    await store.clear()
    expect(keeping.size).toBe(0)
  }, 60_000)

  it('K7 K14: are let go at once when their session ends, is written without them, or gets another id', async () => {
    const { codec, objectsIn } = heldObjects()
    const keeping = keepingStore(memoryStore(), 1_000, objectsIn)
    const sessions = createSessions({ store: keeping.store, codec })
    const sizes: number[] = []
    const begun = async () => {
      const session = await sessions.open(factsOf())
      session.set('connection', connect('somewhere'))
      await session.save()
      sizes.push(keeping.size)
      return session
    }
    await (await begun()).destroy()
    sizes.push(keeping.size)
    const emptied = await begun()
    emptied.delete('connection')
    await emptied.save()
    sizes.push(keeping.size)
    const renamed = await begun()
    await renamed.rotate({ grace: '0s' })
    sizes.push(keeping.size)
    await renamed.destroy()
    expect([...sizes, keeping.size]).toEqual([1, 0, 1, 0, 1, 1, 0])
  })

  it('are there for a request that loaded them before another one replaced them', async () => {
    const { codec, objectsIn } = heldObjects()
    const { store } = keepingStore(memoryStore(), 100_000, objectsIn)
    const sessions = createSessions({ store, codec })
    // In a function of its own: a session that is still there would keep the object.
    const begun = async (): Promise<string> => {
      const first = await sessions.open(factsOf())
      first.set('connection', connect('first'))
      return (await first.commit())?.cookies[0]?.split(';')[0] ?? ''
    }
    const cookie = await begun()
    const open = async () => sessions.open(factsOf({ headers: { cookie } }))
    const [slow, fast] = [await open(), await open()]
    fast.set('connection', connect('second'))
    await fast.commit()
    await new Promise((resolve) => setTimeout(resolve))
    collect()
    expect(slow.get('connection')).toEqual(connect('first'))
    slow.set('other', 1)
    await slow.commit()
    expect((await open()).get('connection')).toEqual(connect('second'))
  })

  it('have one ticket each: what was not replaced is not written', async () => {
    const { codec } = heldObjects()
    const date = new Date()
    expect(codec.encode({ date })).toBe(codec.encode({ date }))
    expect(codec.encode({ date })).not.toBe(codec.encode({ date: new Date(date) }))
    expect(codec.decode(codec.encode({ a: [date, { b: date }] }))).toEqual({ a: [date, { b: date }] })
    expect((codec.decode(codec.encode({ date })) as { date: Date }).date).toBe(date)
    expect(() => codec.encode({ $held: 1 })).toThrow('the key "$held" is taken')
    const round: Record<string, unknown> = {}
    round['self'] = round
    expect(() => codec.encode(round)).toThrow('contains itself')
    const text = codec.encode({ text: '{"$held":1}' })
    expect(codec.decode(text)).toEqual({ text: '{"$held":1}' })
  })
})
