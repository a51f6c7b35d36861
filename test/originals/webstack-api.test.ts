import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cookieCarrier } from 'sojourn'
import { formCarrier } from 'sojourn/carriers/form'
import { createWebStack } from 'sojourn/originals/webstack'
import type { DictionarySession, Transaction, WebStackOptions } from 'sojourn/originals/webstack'
import { fileStore } from 'sojourn/stores/file'
import { memoryStore } from 'sojourn/stores/memory'
import { countingStore, faultStore } from 'sojourn/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createClient } from '../fronts/client.ts'
import { emptyFolder, start } from '../support/program.ts'
import type { Host } from './hosts.ts'
import { hosts } from './hosts.ts'
import type { Browser } from './web.ts'
import { browser } from './web.ts'

type Pages = Readonly<Record<string, (trans: Transaction) => string | void | Promise<string | void>>>

const pages: Pages = {
  '/put': (trans) => {
    for (const [key, value] of trans.fields) trans.getSession().set(key, value)
    return 'ok'
  },
  '/get': (trans) => JSON.stringify(trans.getSession({ create: false })?.get('v', 'absent') ?? 'no session'),
  '/out': async (trans) => {
    await trans.expireSession()
    return 'bye'
  },
}

describe.each(Object.entries(hosts))('a WebStack application on %s', (_, host) => {
  it('W1: neither keys nor values are in what the library sends beside the page', async () => {
    const { open } = await site(host, {
      ...pages,
      '/go': (trans) => (trans.getSession().set('secretKey', 'secretValue'), trans.redirect('/get')),
    })
    const ann = open()
    for (const path of ['/go', '/get', '/go', '/out']) {
      const visit = await ann.get(path)
      expect(JSON.stringify([...visit.headers, ...visit.setCookies])).not.toContain('secret')
    }
  })

  it('W2 W13: a session is a dictionary: keys, membership, get, set, and a walk that may change it', async () => {
    const { open } = await site(host, {
      '/': (trans) => {
        const session = trans.getSession()
        for (const key of ['a', 'b', 'c']) session.set(key, key.toUpperCase())
        const walked: string[] = []
        for (const key of session) {
          walked.push(key)
          session.delete(key)
          session.set(`${key}2`, '')
        }
        expect(() => session.data['a']).toThrow('there is no "a"')
        session.data['d'] = 'D'
        return JSON.stringify([
          walked,
          session.keys(),
          [session.has('a'), session.hasKey('a'), session.has('d'), session.hasKey('toString')],
          [session.get('d'), session.data['d'], session.get('a') ?? 'none', session.get('a', 'fallback')],
        ])
      },
    })
    expect(JSON.parse((await open().get('/')).text)).toEqual([
      ['a', 'b', 'c'],
      ['a2', 'b2', 'c2', 'd'],
      [false, false, true, false],
      ['D', 'D', 'none', 'fallback'],
    ])
  })

  it('W3 W12: the transaction gives each user a session, and setting a value is enough to find it again', async () => {
    const { open } = await site(host, pages)
    const [ann, bob] = [open(), open()]
    await ann.post('/put', { v: 'ann' })
    await bob.post('/put', { v: 'bob' })
    expect([(await ann.get('/get')).text, (await bob.get('/get')).text]).toEqual(['"ann"', '"bob"'])
  })

  it('W4: with create false and no session there is none, no record and no cookie', async () => {
    const { store, count } = countingStore(memoryStore())
    const { open } = await site(host, pages, { store })
    const visit = await open().get('/get')
    expect([visit.text, visit.setCookies, count()]).toEqual(['"no session"', [], 0])
  })

  const same = (trans: Transaction): string =>
    String(trans.getSession({ create: true }) === trans.getSession({ create: false }))

  it('W5 W6: getSession begins a session where there is none, and gives the one that is there', async () => {
    const store = memoryStore()
    const { open } = await site(
      host,
      { '/': (trans) => trans.getSession().keys().join(), '/true': (trans) => same(trans), ...pages },
      { store },
    )
    const ann = open()
    const first = await ann.get('/')
    expect([first.text, first.setCookies.length, await recordsIn(store)]).toEqual(['', 1, 1])
    const again = [await ann.get('/true'), await ann.get('/get'), await ann.get('/')]
    expect(again.map(({ text, setCookies }) => [text, setCookies])).toEqual([
      ['true', []],
      ['"absent"', []],
      ['', []],
    ])
    expect(await recordsIn(store)).toBe(1)
  })

  it('W7: an expired session is gone at the next request, also for who shows its cookie again', async () => {
    const store = memoryStore()
    const { open } = await site(host, pages, { store })
    const ann = open()
    await ann.post('/put', { v: 'ann' })
    const replay = new Map(ann.cookies)
    expect((await ann.get('/out')).text).toBe('bye')
    expect([ann.cookies.size, await recordsIn(store)]).toEqual([0, 0])
    for (const [name, value] of replay) ann.cookies.set(name, value)
    expect((await ann.get('/get')).text).toBe('"no session"')
  })

  it('W8: in the request that expired it a session can still be got, and what is written there is lost', async () => {
    const write = (trans: Transaction): string => {
      trans.getSession().set('late', '1')
      trans.getSession().data['later'] = '2'
      return String(trans.getSession({ create: false }) !== undefined)
    }
    const store = memoryStore()
    const { open } = await site(
      host,
      {
        ...pages,
        '/late': async (trans) => (await trans.expireSession(), write(trans)),
        '/hasty': (trans) => (void trans.expireSession(), write(trans)),
      },
      { store },
    )
    for (const path of ['/late', '/hasty']) {
      const [ann, stranger] = [open(), open()]
      await ann.post('/put', { v: 'ann' })
      const replay = new Map(ann.cookies)
      for (const visitor of [ann, stranger]) {
        const visit = await visitor.get(path)
        expect([visit.text, visitor.cookies.size, await recordsIn(store)]).toEqual(['false', 0, 0])
      }
      for (const [name, value] of replay) ann.cookies.set(name, value)
      expect((await ann.get('/get')).text).toBe('"no session"')
    }
  })

  it('W7 W8: who does not wait for the expiry is answered after it, and with an error if it failed', async () => {
    const { store, setRules } = faultStore(memoryStore(), { rules: [] })
    const { open } = await site(host, { ...pages, '/hasty': (trans) => (void trans.expireSession(), 'bye') }, { store })
    const ann = open()
    await ann.post('/put', { v: 'ann' })
    setRules([{ methods: ['delete'], fault: 'reject' }])
    expect((await ann.get('/hasty')).status).toBe(503)
    setRules([])
    expect((await ann.get('/get')).text).toBe('"ann"')
    expect([(await ann.get('/hasty')).text, (await ann.get('/get')).text]).toEqual(['bye', '"no session"'])
  })

  it('W9: two calls in one request give one object, and a client has one id at a time', async () => {
    const { open } = await site(host, {
      ...pages,
      '/same': async (trans) => {
        const sessions = [trans.getSession(), trans.getSession({ create: true }), trans.getSession({ create: false })]
        return String(new Set(sessions).size)
      },
    })
    const ann = open()
    expect([(await ann.get('/same')).text, (await ann.get('/same')).text, ann.cookies.size]).toEqual(['1', '1', 1])
  })

  it('W10: a key that is no string is refused, when it is compiled and when it runs', async () => {
    const { open } = await site(host, {
      '/': (trans) => {
        const session = trans.getSession()
        for (const key of [1, Symbol('k'), {}, undefined]) {
          expect(() => void Reflect.apply(session.set, session, [key, 'v'])).toThrow('keys are strings')
        }
        // @ts-expect-error -- the types say it as well
        expect(() => session.set(1, 'v')).toThrow(TypeError)
        return String(session.keys().length)
      },
    })
    expect((await open().get('/')).text).toBe('0')
  })

  it('W11: any text comes back exactly', async () => {
    const { open } = await site(host, pages)
    for (const v of ['', 'Grüße 👋🏽 “quoted” <b> & ; = %00 \u0000', 'x'.repeat(20_000)]) {
      const ann = open()
      await ann.post('/put', { v })
      expect(JSON.parse((await ann.get('/get')).text)).toBe(v)
    }
  })

  it('W14: an application sees the same request and sends the same response on every server', async () => {
    const { open } = await site(host, {
      '/%C3%A4': (trans) => JSON.stringify([trans.method, trans.path, [...trans.fields]]),
      '/text': (trans) => trans.respond('<b>', { status: 418, contentType: 'text/plain; charset=utf-8' }),
      '/away': (trans) => trans.redirect('/text'),
    })
    const got = await open().get('/%C3%A4?a=1&a=%C3%BC')
    expect(JSON.parse(got.text)).toEqual([
      'GET',
      '/%C3%A4',
      [
        ['a', '1'],
        ['a', 'ü'],
      ],
    ])
    expect(got.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const posted = await open().post('/%C3%A4?a=1', { b: '2 ü', c: '' })
    expect(JSON.parse(posted.text)).toEqual([
      'POST',
      '/%C3%A4',
      [
        ['a', '1'],
        ['b', '2 ü'],
        ['c', ''],
      ],
    ])
    const text = await open().get('/text')
    expect([text.status, text.text, text.headers.get('content-type')]).toEqual([
      418,
      '<b>',
      'text/plain; charset=utf-8',
    ])
    const away = await open().get('/away')
    expect([away.status, away.text, away.headers.get('location')]).toEqual([303, '', '/text'])
    expect((await open().get('/none')).status).toBe(404)
    expect((await open().post('/%C3%A4', { v: 'x'.repeat(1_100_000) })).status).toBe(413)
  })

  it('W15: the store is another one behind the same application', async () => {
    for (const store of [memoryStore(), await filesIn(await temporary())]) {
      const { open } = await site(host, pages, { store })
      const ann = open()
      await ann.post('/put', { v: store.name })
      expect((await ann.get('/get')).text).toBe(JSON.stringify(store.name))
    }
  })

  it('W17: at the end of a request nothing is held, also when the resource throws', async () => {
    const { open } = await site(
      host,
      {
        ...pages,
        '/throw': (trans) => {
          trans.getSession().set('v', 'before')
          throw new Error('a resource failed')
        },
      },
      { store: await filesIn(await temporary()) },
    )
    const ann = open()
    await ann.post('/put', { v: 'first' })
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? ann.get('/throw') : ann.post('/put', { [`k${i}`]: 'v' }))),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map((_, i) => (i % 2 === 0 ? 500 : 200)))
    expect((await ann.get('/get')).text).toBe('"before"')
  })

  it('W18: clients without cookies go on by a form, and overlapping requests lose nothing', async () => {
    const form = formCarrier()
    let here = 0
    let release = (): void => undefined
    const allHere = new Promise<void>((resolve) => (release = resolve))
    const { open, address } = await site(
      host,
      {
        '/': (trans) => {
          const session = trans.getSession()
          for (const [key, value] of trans.fields) if (key.startsWith('k')) session.set(key, value)
          return `${form.field(session)}<p>${session.keys().toSorted().join()}</p>`
        },
        '/overlap': async (trans) => {
          for (const [key, value] of trans.fields) trans.getSession().set(key, value)
          if (++here === 10) release()
          await allHere
          return 'ok'
        },
      },
      { carriers: [cookieCarrier({ insecureDevelopment: true }), form] },
    )
    // A client that keeps nothing, and asks as a browser does.
    const client = createClient({ protocol: 'http', port: Number(new URL(address).port) })
    onTestFinished(() => client.close())
    const asked = await client.request('/')
    const marked = asked.all('location')[0] ?? ''
    let page = await client.request(marked)
    for (const key of ['k1', 'k2', 'k3']) {
      const [, name = '', value = ''] = /name="([^"]+)" value="([^"]+)"/.exec(page.text) ?? []
      page = await client.request('/', {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', referer: address + marked },
        body: new URLSearchParams({ [name]: value, [key]: '' }).toString(),
      })
    }
    expect(page.text).toMatch(/<p>k1,k2,k3<\/p>$/)
    const ann = open()
    await ann.get('/')
    await Promise.all(Array.from({ length: 10 }, (_, i) => ann.post('/overlap', { [`k${i}`]: '' })))
    expect((await ann.get('/')).text).toBe(`<p>${Array.from({ length: 10 }, (_, i) => `k${i}`).join()}</p>`)
  })
})

describe('WebStack’s deploy', () => {
  it('what is no resource is refused at the start', () => {
    const { deploy } = createWebStack({ store: memoryStore() })
    for (const wrong of [undefined, {}, () => 'page']) {
      expect(() => Reflect.apply(deploy, undefined, [wrong]) as unknown).toThrow(/^deploy: .* method respond/)
    }
  })
})

describe('WebStack’s own store', () => {
  it('W15 W16: is files in WebStack-sessions, made at the start, or a clear error there and not for the first visitor', async () => {
    const folder = await emptyFolder()
    const { address } = await start(folder, new Map([['main.ts', PROGRAM]]), 'main.ts')
    expect(await readdir(folder)).toContain('WebStack-sessions')
    const ann = browser(address)
    await ann.get('/')
    expect((await ann.get('/')).text).toBe('II')
    const blocked = new Map([
      ['main.ts', PROGRAM],
      ['WebStack-sessions', 'a file'],
    ])
    await expect(start(await emptyFolder(), blocked, 'main.ts')).rejects.toThrow(/store-unavailable/)
  })
})

interface Site {
  readonly address: string
  readonly open: () => Browser
}

async function site(host: Host, pages: Pages, options: WebStackOptions<string> = {}): Promise<Site> {
  const cookie = options.carriers === undefined ? { cookie: { insecureDevelopment: true } as const } : {}
  const webstack = createWebStack({ store: memoryStore(), ...cookie, ...options })
  const servers = webstack.deploy({
    async respond(trans) {
      const page = pages[trans.path]
      if (page === undefined) return trans.respond('not found', { status: 404 })
      const text = await page(trans)
      if (text !== undefined) trans.respond(text)
    },
  })
  const address = await host(servers)
  return { address, open: () => browser(address) }
}

async function recordsIn(store: ReturnType<typeof memoryStore>): Promise<number> {
  let count = 0
  for await (const page of store.scan()) count += page.length
  return count
}

async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function filesIn(folder: string): Promise<ReturnType<typeof fileStore>> {
  const store = fileStore({ directory: join(folder, 'WebStack-sessions') })
  onTestFinished(() => store.close())
  return store
}

/** For the compiler only: more than texts where the application says so. */
export const richer = (session: DictionarySession<number | string[]>): number => Number(session.get('n', 0))

const PROGRAM = `
  import { createServer } from 'node:http'
  import { createWebStack } from 'sojourn/originals/webstack'

  const { deploy } = createWebStack({ cookie: { insecureDevelopment: true } })
  const { node } = deploy({
    respond(trans) {
      const session = trans.getSession()
      session.set('n', session.get('n', '') + 'I')
      trans.respond(session.data['n'])
    },
  })
  createServer(node).listen(3000, '127.0.0.1')
`
