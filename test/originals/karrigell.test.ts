import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cookieCarrier, createSessions } from 'sojourn'
import type { Codec, SessionRecord, Store, StoreKey, Tombstone } from 'sojourn'
import { fileStore } from 'sojourn/stores/file'
import { memoryStore } from 'sojourn/stores/memory'
import { sqliteStore } from 'sojourn/stores/sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { factsOf } from '../facts.ts'
import { browser, serve, site } from './web.ts'

interface Visitor {
  name?: string
  firstname?: string
}

/** The original's two pages: the first saves a form, the second reads it back without any parameter. */
function twoPages(options: { readonly closes: boolean }): Parameters<typeof site<Visitor>>[0] {
  return {
    '/': () => '<form method="post" action="/script1"><input name="name"><input name="firstname"></form>',
    '/script1': ({ session, form }) => {
      session.data.name = form.get('name') ?? ''
      session.data.firstname = form.get('firstname') ?? ''
      return '<a href="/script2">Next...</a>'
    },
    '/script2': async ({ session }) => {
      const { name, firstname } = session.data
      if (firstname === undefined) throw new Error('session has no attribute firstname')
      if (options.closes) await session.destroy()
      return `${firstname} ${name}`
    },
  }
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

describe('Karrigell: what Session() does', () => {
  it('K2: the cookie can be named sessionId', async () => {
    const { browser: open } = await site<Visitor>(twoPages({ closes: true }), {
      cookie: { name: 'sessionId', insecureDevelopment: true },
    })
    const visit = await open().post('/script1', { name: 'Doe', firstname: 'John' })
    expect(visit.setCookies.map((line) => line.split('=')[0])).toEqual(['sessionId'])
  })

  it('K3 K4 K5 K6: attributes that one page sets are there in another, kept in memory', async () => {
    const { browser: open } = await site<Visitor>(
      {
        '/set': ({ session }) => ((session.data.name = 'John Doe'), session.data.name),
        '/other': ({ session }) => String(session.data.name),
      },
      { store: memoryStore() },
    )
    const ann = open()
    expect((await ann.get('/set')).text).toBe('John Doe')
    expect((await ann.get('/other')).text).toBe('John Doe')
  })

  it('K10 K11 K12: the worked example: form, next page without parameters, close, back and next again fails', async () => {
    const { browser: open } = await site<Visitor>(twoPages({ closes: true }))
    const ann = open()
    const page = await ann.post('/script1', { name: 'Doe', firstname: 'John' })
    expect(page.text).not.toMatch(/hidden|\?/)
    expect((await ann.get('/script2')).text).toBe('John Doe')
    const again = await ann.get('/script2')
    expect([again.status, again.text]).toEqual([500, 'session has no attribute firstname'])
  })

  it('K11 K8: without the close the second page works again and again', async () => {
    const { browser: open } = await site<Visitor>(twoPages({ closes: false }))
    const ann = open()
    await ann.post('/script1', { name: 'Doe', firstname: 'John' })
    for (let i = 0; i < 5; i++) expect((await ann.get('/script2')).text).toBe('John Doe')
  })

  it('K8 K9: of 1001 sessions exactly the oldest created is gone, whoever was used last', async () => {
    const store = memoryStore({ maxEntries: 1_000, evict: 'oldest-created' })
    const sessions = createSessions<{ n: number }>({
      store,
      initial: () => ({ n: 0 }),
      cookie: { insecureDevelopment: true },
    })
    const address = await serve(sessions, {
      '/make': ({ session }) => (session.start(), 'ok'),
      '/alive': ({ session }) => String(!session.isNew),
    })
    const visitors = Array.from({ length: 1_001 }, () => browser(address))
    for (const visitor of visitors.slice(0, 1_000)) await visitor.get('/make')
    const first = visitors[0]
    expect((await first?.get('/alive'))?.text).toBe('true')
    await visitors[1_000]?.get('/make')
    const alive = []
    for (const visitor of visitors) alive.push((await visitor.get('/alive')).text)
    expect(alive).toEqual(['false', ...Array.from({ length: 1_000 }, () => 'true')])
    let count = 0
    for await (const page of store.scan()) count += page.length
    expect(count).toBe(1_000)
  })

  it('K13: with a lasting store sessions survive a restart', async () => {
    const folder = await temporaryFolder()
    const pages = twoPages({ closes: false })
    for (const open of [
      () => sqliteStore({ path: join(folder, 'sessions.db') }),
      () => fileStore({ directory: join(folder, 'files') }),
    ]) {
      const options = { cookie: { insecureDevelopment: true } } as const
      const before = createSessions<Visitor>({ store: open(), ...options })
      const ann = browser(await serve(before, pages))
      await ann.post('/script1', { name: 'Doe', firstname: 'John' })
      await before.close()
      const after = createSessions<Visitor>({ store: open(), ...options })
      onTestFinished(() => after.close())
      const later = browser(await serve(after, pages))
      for (const [name, value] of ann.cookies) later.cookies.set(name, value)
      expect((await later.get('/script2')).text).toBe('John Doe')
    }
  })

  it('K14: what a persistent session cannot keep is refused with the path of the key; a codec may allow more', async () => {
    class Connection {
      readonly host = 'db'
    }
    const sessions = createSessions({ store: memoryStore(), codec: 'strict' })
    for (const [value, word] of [
      [new Connection(), 'Connection'],
      [() => 1, 'function'],
      [new Map(), 'Map'],
      [new Date(), 'Date'],
    ] as const) {
      const session = await sessions.open(factsOf())
      session.set('deep', [{ thing: value }])
      await expect(session.save()).rejects.toThrow(`data.deep[0].thing is a ${word}`)
    }

    const held = new Map<string, unknown>()
    const byReference: Codec = {
      encode(value) {
        const text = String(held.size)
        held.set(text, structuredClone(value))
        return text
      },
      decode: (text) => structuredClone(held.get(text)),
    }
    const rich = createSessions({ store: memoryStore(), codec: byReference })
    const session = await rich.open(factsOf())
    session.set('when', new Date(0))
    const outcome = await session.commit()
    const cookie = outcome?.cookies[0]?.split(';')[0] ?? ''
    expect((await rich.open(factsOf({ headers: { cookie } }))).get('when')).toEqual(new Date(0))
  })

  it('K15: 15 minutes by default, and both the time and the path can be set', async () => {
    const sessions = createSessions({
      store: memoryStore(),
      timeouts: { idle: '20m' },
      carriers: [cookieCarrier({ name: '__Secure-shop', path: '/shop' })],
    })
    expect(sessions.policy().idle).toBe(20 * 60_000)
    const session = await sessions.open(factsOf({ url: '/shop/' }))
    session.start()
    expect((await session.commit())?.cookies[0]).toContain('; Path=/shop')
  })

  it('K16: two applications on one host and one store have different sessions for one client', async () => {
    const store = memoryStore()
    const make = (name: string): string[] => [name]
    const cookies = new Map<string, string>()
    const applications = make('shop')
      .concat('blog')
      .map((name) => createSessions<{ who?: string }>({ store, cookie: { name: `__Host-${name}` } }))
    for (const [i, sessions] of applications.entries()) {
      const session = await sessions.open(factsOf({ headers: { cookie: [...cookies.values()].join('; ') } }))
      expect(session.data.who).toBe(undefined)
      session.data.who = `visitor of ${i}`
      const line = (await session.commit())?.cookies[0]?.split(';')[0] ?? ''
      cookies.set(line.split('=')[0] ?? '', line)
    }
    expect(cookies.size).toBe(2)
    for (const [i, sessions] of applications.entries()) {
      const session = await sessions.open(factsOf({ headers: { cookie: [...cookies.values()].join('; ') } }))
      expect(session.data.who).toBe(`visitor of ${i}`)
    }
  })

  it('K17: three stores come with it, and a custom one is a handful of methods', async () => {
    const folder = await temporaryFolder()
    const stores = [
      memoryStore(),
      fileStore({ directory: join(folder, 'files') }),
      sqliteStore({ path: join(folder, 'sessions.db') }),
      mapStore(),
    ]
    for (const store of stores) {
      const sessions = createSessions<Visitor>({ store, cookie: { insecureDevelopment: true } })
      onTestFinished(() => sessions.close())
      const ann = browser(await serve(sessions, twoPages({ closes: true })))
      await ann.post('/script1', { name: 'Doe', firstname: 'John' })
      expect((await ann.get('/script2')).text).toBe('John Doe')
      expect((await ann.get('/script2')).status).toBe(500)
    }
  })

  it('K19 Y37: what was set before a redirect is there after it', async () => {
    const { browser: open } = await site<Visitor>({
      '/set': ({ session, response }) => {
        session.data.name = 'Doe'
        response.writeHead(302, { location: '/get' }).end()
      },
      '/get': ({ session }) => String(session.data.name),
    })
    const ann = open()
    const redirect = await ann.get('/set')
    expect(redirect.status).toBe(302)
    expect((await ann.get(redirect.headers.get('location') ?? '')).text).toBe('Doe')
  })

  it('K20 W18: two overlapping requests of one client that set different keys both stay', async () => {
    let arrived = 0
    let release = (): void => undefined
    const bothHere = new Promise<void>((resolve) => (release = resolve))
    const { browser: open } = await site({
      '/start': ({ session }) => (session.start(), 'ok'),
      '/frame': async ({ session, query }) => {
        session.set(query.get('key') ?? '', 1)
        if (++arrived === 2) release()
        await bothHere
        return 'ok'
      },
      '/': ({ session }) => session.keys().toSorted().join(),
    })
    const ann = open()
    await ann.get('/start')
    await Promise.all([ann.get('/frame?key=left'), ann.get('/frame?key=right')])
    expect((await ann.get('/')).text).toBe('left,right')
  })

  it('K21 Y30 Y36: an id that was made up is never adopted, whatever it looks like', async () => {
    const { browser: open, sessions } = await site<Visitor>(twoPages({ closes: false }))
    const ended = (await sessions.open(factsOf())).start()
    const line = (await ended.commit())?.cookies[0] ?? ''
    const wellFormed = line.slice('id='.length, line.indexOf(';'))
    await sessions.revokeAll()
    for (const made of ['abcdefgh', '/etc/password', '"/etc/password"', '../../x', wellFormed]) {
      const mallory = open()
      mallory.cookies.set('id', made)
      const answer = await mallory.post('/script1', { name: 'Doe', firstname: 'John' })
      expect(answer.status).toBe(200)
      expect(mallory.cookies.get('id')).not.toBe(made)
      expect((await mallory.get('/script2')).text).toBe('John Doe')
      const victim = open()
      victim.cookies.set('id', made)
      expect((await victim.get('/script2')).status).toBe(500)
    }
  })
})

/** The smallest store: the six methods over a Map, each of them one step because nothing in it waits. */
function mapStore(): Store {
  const entries = new Map<StoreKey, SessionRecord | Tombstone>()
  const live = (key: StoreKey): SessionRecord | undefined => {
    const entry = entries.get(key)
    return entry?.state === 'live' && entry.expiresAt > Date.now() ? entry : undefined
  }
  return {
    name: 'map',
    get: async (key) => entries.get(key),
    async insert(key, record) {
      if (entries.has(key)) return { outcome: 'exists' }
      entries.set(key, record)
      return { outcome: 'inserted', evicted: [] }
    },
    async update(key, version, record) {
      const current = live(key)
      if (current === undefined) return { outcome: 'gone' }
      if (current.version !== version) return { outcome: 'conflict', current }
      entries.set(key, record)
      return { outcome: 'updated' }
    },
    async touch(key, seenAt, expiresAt) {
      const current = live(key)
      if (current !== undefined) entries.set(key, { ...current, seenAt, expiresAt })
      return current !== undefined
    },
    async rotate(key, version, newKey, record, options) {
      const current = live(key)
      if (current === undefined) return { outcome: 'gone' }
      if (current.version !== version) return { outcome: 'conflict', current }
      entries.delete(key)
      if (options?.tombstone !== undefined) entries.set(key, options.tombstone)
      entries.set(newKey, record)
      return { outcome: 'rotated', evicted: [] }
    },
    async delete(key, tombstone) {
      const wasLive = live(key) !== undefined
      if (wasLive) entries.delete(key)
      if (wasLive && tombstone !== undefined) entries.set(key, tombstone)
      return wasLive
    },
  }
}
