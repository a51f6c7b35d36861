import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createPyhp } from 'sojourn/originals/pyhp'
import type { Pyhp, PyhpOptions, Reply } from 'sojourn/originals/pyhp'
import { memoryStore } from 'sojourn/stores/memory'
import { sqliteStore } from 'sojourn/stores/sqlite'
import { countingStore, faultStore } from 'sojourn/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { factsOf } from '../facts.ts'
import { emptyFolder, start } from '../support/program.ts'
import { hosts } from './hosts.ts'
import type { Browser } from './web.ts'
import { browser, listen } from './web.ts'

const MINUTE = 60_000

type Dictionary = Record<string, unknown>
type Pages = Readonly<Record<string, () => Reply | Promise<Reply>>>

interface Site {
  readonly pyhp: Pyhp<Dictionary>
  readonly open: () => Browser
  readonly advance: (milliseconds: number) => void
}

/** Pages that reach their session through one name only. */
async function site(make: (pyhp: Pyhp<Dictionary>) => Pages, options: PyhpOptions<Dictionary> = {}): Promise<Site> {
  let time = Date.now()
  const now = (): number => time
  const pyhp = createPyhp({ store: memoryStore({ now }), now, cookie: { insecureDevelopment: true }, ...options })
  const address = await listen(pyhp.serve(make(pyhp)).node)
  return { pyhp, open: () => browser(address), advance: (milliseconds) => void (time += milliseconds) }
}

/** What the pages of most tests do. */
const usual = ({ session, post }: { session: Pyhp<Dictionary>['session']; post: Pyhp<Dictionary>['post'] }): Reply => {
  session.start()
  for (const [key, value] of Object.entries(post)) session.data[key] = value
  return 'ok'
}
const pages = (pyhp: Pyhp<Dictionary>): Pages => ({
  '/start': () => usual(pyhp),
  '/put': () => usual(pyhp),
  '/get': () => JSON.stringify(pyhp.session.get('v', 'nothing')),
  '/id': () => String(pyhp.session.id),
  '/wipe': async () => {
    await pyhp.session.wipe()
    return JSON.stringify(pyhp.session.data)
  },
})

describe('pyhp.session', () => {
  it('P1: two requests with one cookie see the same data, two clients never each other’s', async () => {
    const { open } = await site(pages)
    const [ann, bob] = [open(), open()]
    await ann.post('/put', { v: 'ann' })
    await bob.post('/put', { v: 'bob' })
    expect([(await ann.get('/get')).text, (await bob.get('/get')).text]).toEqual(['"ann"', '"bob"'])
  })

  it('P2: a visitor for whom start is not called has no session, no record and no cookie, and no data to write to', async () => {
    const { store, count } = countingStore(memoryStore())
    const { open } = await site(
      (pyhp) => ({
        '/': () => JSON.stringify([pyhp.session.id, pyhp.session.has('v'), pyhp.session.get('v', 'none')]),
        '/write': () => {
          expect(() => pyhp.session.data).toThrow('call pyhp.session.start() first')
          return 'refused'
        },
      }),
      { store, initial: () => ({ v: 'initial' }) },
    )
    const [first, second] = [await open().get('/'), await open().get('/write')]
    expect([first.text, second.text]).toEqual(['[null,false,"none"]', 'refused'])
    expect([...first.setCookies, ...second.setCookies]).toEqual([])
    expect(count()).toBe(0)
  })

  it('P3: every start gives an id of its own, and nobody supplies one', async () => {
    const { sessions, session } = createPyhp({ store: memoryStore() })
    const ids = new Set<string | undefined>()
    for (let i = 0; i < 20_000; i++) {
      const opened = sessions.open(factsOf())
      if (opened instanceof Promise) throw new Error('an anonymous visit made a store call')
      sessions.run(opened, () => {
        session.start()
        ids.add(session.id)
      })
    }
    expect(ids.size).toBe(20_000)
    const { open } = await site(pages)
    const cookies = await Promise.all(Array.from({ length: 200 }, async () => (await open().get('/start')).setCookies))
    expect(new Set(cookies.flat()).size).toBe(200)
  })

  it('P4 P5: start makes an empty record under the id, and sends one cookie', async () => {
    const store = memoryStore()
    const { open } = await site(
      ({ session }) => ({ '/': () => (session.start(), JSON.stringify([session.id, session.data])) }),
      { store },
    )
    const visit = await open().get('/')
    const records = []
    for await (const page of store.scan()) records.push(...page)
    expect(records.map(([, record]) => [record.handle, record.data])).toEqual([
      [(JSON.parse(visit.text) as unknown[])[0], '{}'],
    ])
    expect(visit.text).toMatch(/,\{\}\]$/)
    expect(visit.setCookies).toEqual([expect.stringMatching(/^id=[\w-]{40,}; Path=\/; HttpOnly; SameSite=Lax$/)])
  })

  it('P6 P11 P17: later requests have the data with no further call, any number of times', async () => {
    const { open } = await site((pyhp) => ({ ...pages(pyhp), '/': () => String(pyhp.session.data['v']) }))
    const ann = open()
    await ann.post('/put', { v: 'Ann' })
    for (let i = 0; i < 20; i++) {
      const visit = await ann.get('/')
      expect([visit.text, visit.setCookies]).toEqual(['Ann', []])
    }
  })

  it('P7: one well-known name gives each of many requests at once its own session', async () => {
    const { pyhp, open } = await site(() => ({
      '/who': async () => {
        remember()
        await new Promise((resolve) => setTimeout(resolve, 5))
        return recall()
      },
    }))
    // As another module would have them: neither is given a session.
    const { session, post } = pyhp
    const remember = (): void => {
      pyhp.session.start()
      pyhp.session.data['name'] = post['name']
    }
    const recall = (): string => `${String(session.data['name'])} ${post['name']}`
    const names = Array.from({ length: 30 }, (_, i) => `visitor ${i}`)
    const answers = await Promise.all(names.map((name) => open().post('/who', { name })))
    expect(answers.map(({ text }) => text)).toEqual(names.map((name) => `${name} ${name}`))
    expect(() => pyhp.session.id).toThrow('no request')
    expect(() => pyhp.post['name']).toThrow('no request')
  })

  it('P8: the session shows its id to read, and its data to read and write', async () => {
    const { open } = await site(({ session }) => ({
      '/': () => {
        session.start()
        session.data['a'] = [1]
        return JSON.stringify([
          session.id?.length,
          session.data['a'],
          Reflect.set(session, 'id', 'mine'),
          session.id === 'mine',
        ])
      },
    }))
    expect(JSON.parse((await open().get('/')).text)).toEqual([22, [1], false, false])
  })

  it('P9: start, save and wipe are independent of each other', async () => {
    const { store, count } = countingStore(memoryStore())
    const { open } = await site(
      ({ session }) => ({
        '/start': () => (session.start(), 'ok'),
        '/save': async () => await session.save(),
        '/wipe': async () => (await session.wipe(), 'ok'),
      }),
      { store },
    )
    expect([(await open().get('/save')).text, (await open().get('/wipe')).text, count()]).toEqual([
      'unchanged',
      'ok',
      0,
    ])
    const ann = open()
    await ann.get('/start')
    expect(count('insert')).toBe(1)
    await ann.get('/wipe')
    expect([count('delete'), count('update')]).toEqual([1, 0])
  })

  it('P10: data is a dictionary: what is missing is an error to read, and get and has ask for it', async () => {
    const { open } = await site(({ session }) => ({
      '/': () => {
        session.start()
        session.data['k'] = 'v'
        const seen = [session.data['k'], 'k' in session.data, 'l' in session.data, Object.keys(session.data)]
        delete session.data['k']
        expect(() => session.data['k']).toThrow('pyhp.session.data: there is no "k"')
        expect(() => session.data['toString']).toThrow('there is no "toString"')
        return JSON.stringify([...seen, session.has('k'), session.get('k'), session.get('k', 'default')])
      },
    }))
    expect(JSON.parse((await open().get('/')).text)).toEqual(['v', true, false, ['k'], false, null, 'default'])
  })

  it('P12: a text from a form comes back exactly on the next request', async () => {
    const { open } = await site(pages)
    for (const v of ['', 'Grüße 👋🏽 “quoted” <b> & ; = %00 \u0000', 'x'.repeat(20_000)]) {
      const ann = open()
      await ann.post('/put', { v })
      expect(JSON.parse((await ann.get('/get')).text)).toBe(v)
    }
  })

  it('P13 P14: wipe erases data, record and cookie, and the end of the request brings nothing back', async () => {
    const store = memoryStore()
    const { open } = await site(
      (pyhp) => ({
        ...pages(pyhp),
        '/late': async () => {
          await pyhp.session.wipe()
          pyhp.session.data['late'] = 1
          return JSON.stringify([pyhp.session.id ?? null, pyhp.session.data])
        },
      }),
      { store },
    )
    for (const [path, text] of [
      ['/wipe', '{}'],
      ['/late', '[null,{"late":1}]'],
    ] as const) {
      const ann = open()
      await ann.post('/put', { v: 'secret' })
      const replay = new Map(ann.cookies)
      expect((await ann.get(path)).text).toBe(text)
      expect(ann.cookies.size).toBe(0)
      for await (const page of store.scan()) expect(page).toEqual([])
      for (const [name, value] of replay) ann.cookies.set(name, value)
      expect([(await ann.get('/get')).text, (await ann.get('/id')).text]).toEqual(['"nothing"', 'undefined'])
    }
  })

  it('P13 P14: a page that does not wait for wipe is answered after it, and not at all as if nothing had failed', async () => {
    const { store, setRules } = faultStore(memoryStore(), { rules: [] })
    const { pyhp, open } = await site(
      (pyhp) => ({ ...pages(pyhp), '/out': () => (void pyhp.session.wipe(), 'Goodbye') }),
      { store },
    )
    const seen: string[] = []
    pyhp.sessions.on('destroyed', () => seen.push('destroyed'))
    const [ann, bob] = [open(), open()]
    await ann.post('/put', { v: 'ann' })
    await bob.post('/put', { v: 'bob' })
    expect((await ann.get('/out')).text).toBe('Goodbye')
    expect([seen, ann.cookies.size]).toEqual([['destroyed'], 0])
    setRules([{ methods: ['delete'], fault: 'reject' }])
    const failed = await bob.get('/out')
    expect([failed.status, bob.cookies.size]).toEqual([503, 1])
    setRules([])
    expect((await bob.get('/get')).text).toBe('"bob"')
  })

  it('P15: wipe touches the data of its session only: neither other sessions nor other tables of the same database', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sojourn-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const database = new DatabaseSync(join(folder, 'site.db'))
    database.exec('create table articles (title text)')
    const publish = database.prepare('insert into articles values (?)')
    const { pyhp, open } = await site(
      (made) => ({ ...pages(made), '/publish': () => (publish.run(String(made.session.data['v'])), 'ok') }),
      { store: sqliteStore({ database }) },
    )
    onTestFinished(() => pyhp.sessions.close())
    const [ann, bob] = [open(), open()]
    await ann.post('/put', { v: 'by Ann' })
    await bob.post('/put', { v: 'bob' })
    await ann.get('/publish')
    const countOf = (table: string): unknown => database.prepare(`select count(*) as n from ${table}`).get()?.['n']
    await ann.get('/wipe')
    expect(database.prepare('select title from articles').all()).toMatchObject([{ title: 'by Ann' }])
    expect([(await ann.get('/get')).text, (await bob.get('/get')).text, countOf('articles')]).toEqual([
      '"nothing"',
      '"bob"',
      1,
    ])
    const guide = await readFile(new URL('../../docs/originals/pyhp.md', import.meta.url), 'utf8')
    expect(guide).toContain('What shall outlive the session belongs into a database.')
  })

  it('what a form did not send is an error to read, that says how to ask; and what it sent cannot be changed', async () => {
    const { open } = await site(({ post }) => ({
      '/': () => {
        expect(() => post['none']).toThrow(new RangeError('pyhp.post: there is no "none"; ask with in'))
        expect(() => Object.assign(post, { v: 'mine' })).toThrow('pyhp.post: what a client has sent cannot be changed')
        return JSON.stringify(['v' in post, 'none' in post, Object.keys(post), { ...post }])
      },
    }))
    expect(JSON.parse((await open().post('/', { v: 'ann' })).text)).toEqual([true, false, ['v'], { v: 'ann' }])
  })

  it('P16: what a page sets is saved at the end of the request, also when the page fails afterwards', async () => {
    const { open } = await site((pyhp) => ({
      ...pages(pyhp),
      '/fail': () => {
        pyhp.session.data['v'] = 'before the error'
        throw new Error('a page failed')
      },
    }))
    const ann = open()
    await ann.post('/put', { v: 'set' })
    expect((await ann.get('/get')).text).toBe('"set"')
    expect((await ann.get('/fail')).status).toBe(500)
    expect((await ann.get('/get')).text).toBe('"before the error"')
  })

  it('P18: save fixes its moment: another process sees it before the request has ended, and a crash keeps it', async () => {
    const folder = await emptyFolder()
    const program = new Map([['main.ts', PROGRAM]])
    const [first, second] = [await start(folder, program, 'main.ts'), await start(folder, program, 'main.ts')]
    const response = await fetch(`${first.address}/start`)
    const cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const read = async (address: string): Promise<string> =>
      (await fetch(`${address}/read`, { headers: { cookie } })).text()
    const crashed = fetch(`${first.address}/save`, { headers: { cookie } }).then(
      () => 'answered',
      () => 'crashed',
    )
    await expect.poll(() => read(second.address), { timeout: 10_000 }).toBe('saved')
    await first.kill()
    expect(await crashed).toBe('crashed')
    const third = await start(folder, program, 'main.ts')
    expect([await read(second.address), await read(third.address)]).toEqual(['saved', 'saved'])
  }, 60_000)

  it('P18 P16: a save that fails is the page’s to handle, and what is unsaved at the end is saved then, or an error', async () => {
    const { store, setRules } = faultStore(memoryStore(), { rules: [] })
    const { open } = await site(
      (pyhp) => ({
        ...pages(pyhp),
        '/large': async () => {
          pyhp.session.data['large'] = 'x'.repeat(100_000)
          const result = await pyhp.session.save().catch((error: unknown) => error)
          delete pyhp.session.data['large']
          pyhp.session.data['v'] = 'less'
          return String(result)
        },
        '/hasty': () => {
          pyhp.session.data['v'] = 'hasty'
          void pyhp.session.save()
          return 'saved?'
        },
      }),
      { store },
    )
    const ann = open()
    await ann.post('/put', { v: 'ann' })
    const large = await ann.get('/large')
    expect([large.status, large.text]).toEqual([200, expect.stringMatching(/over the limit of 65536/)])
    expect((await ann.get('/get')).text).toBe('"less"')
    setRules([{ methods: ['update'], fault: 'reject' }])
    expect((await ann.get('/hasty')).status).toBe(503)
    setRules([])
    expect((await ann.get('/hasty')).text).toBe('saved?')
    expect((await ann.get('/get')).text).toBe('"hasty"')
  })

  it('P19: with no configuration the lifetime is 900 seconds', async () => {
    const { pyhp } = await site(pages)
    expect(pyhp.sessions.policy()).toMatchObject({ idle: 900_000, touchEvery: 0 })
    expect(createPyhp({ store: memoryStore(), timeouts: { idle: '1h' } }).sessions.policy().idle).toBe(3_600_000)
  })

  it('P20: the lifetime is an idle time: each use starts it anew, to the second', async () => {
    const { open, advance } = await site(pages)
    const ann = open()
    await ann.post('/put', { v: 'here' })
    for (const wait of [14 * MINUTE + 59_000, 14 * MINUTE + 59_000, ...Array.from({ length: 18 }, () => 10 * MINUTE)]) {
      advance(wait)
      expect((await ann.get('/get')).text).toBe('"here"')
    }
    advance(15 * MINUTE + 1000)
    expect((await ann.get('/get')).text).toBe('"nothing"')
  })

  it('P21: after the timeout the id opens nothing, and the record is gone after the next sweep', async () => {
    let time = Date.now()
    const now = (): number => time
    const store = memoryStore({ now })
    const { pyhp, open } = await site(pages, { store, now })
    const [ann, bob] = [open(), open()]
    await ann.post('/put', { v: 'ann' })
    await bob.post('/put', { v: 'bob' })
    time += 15 * MINUTE + 1000
    expect([(await ann.get('/id')).text, (await ann.get('/get')).text]).toEqual(['undefined', '"nothing"'])
    await pyhp.sessions.sweep()
    for await (const page of store.scan()) expect(page).toEqual([])
  })

  it('P22: start keeps a restored session with its id and data; wipe before it makes a fresh one', async () => {
    const { open } = await site((pyhp) => ({
      ...pages(pyhp),
      '/again': () => (pyhp.session.start(), `${pyhp.session.id} ${String(pyhp.session.data['v'])}`),
      '/fresh': async () => {
        await pyhp.session.wipe()
        pyhp.session.start()
        return `${pyhp.session.id} ${JSON.stringify(pyhp.session.data)}`
      },
    }))
    const ann = open()
    await ann.post('/put', { v: 'kept' })
    const { text: id } = await ann.get('/id')
    const again = await ann.get('/again')
    expect([again.text, again.setCookies]).toEqual([`${id} kept`, []])
    const fresh = await ann.get('/fresh')
    expect(fresh.setCookies).toHaveLength(1)
    expect(fresh.text).toMatch(/^[\w-]{22} \{\}$/)
    expect(fresh.text).not.toContain(id)
    expect(`${(await ann.get('/id')).text} {}`).toBe(fresh.text)
  })
})

describe('pyhp.serve', () => {
  it('refuses at the start what is no page, and says what it expects', () => {
    const { serve } = createPyhp({ store: memoryStore() })
    expect(() => Reflect.apply(serve, undefined, []) as unknown).toThrow(/^serve: expected functions under paths/)
    expect(() => serve({ '/': 'text' as never })).toThrow(/^serve: "\/" is no page; expected functions under paths/)
    expect(() => serve({ login: () => '' })).toThrow(/^serve: "login" is no page; .*\{ '\/': \(\) => 'hello' \}/)
  })
})

describe.each(Object.entries(hosts))('pyhp.session on %s', (_, host) => {
  it('a header that a page sets counts once, however it is spelt', async () => {
    const pyhp = createPyhp({ store: memoryStore(), cookie: { insecureDevelopment: true } })
    const address = await host(
      pyhp.serve({
        '/': () => ({ status: 201, headers: { 'Content-Type': 'text/plain', 'X-Page': 'yes' }, body: 'text' }),
      }),
    )
    const { status, text, headers, setCookies } = await browser(address).get('/')
    expect([status, text, setCookies]).toEqual([201, 'text', []])
    expect([headers.get('content-type'), headers.get('x-page')]).toEqual([
      expect.stringMatching(/^text\/plain(;|$)/),
      'yes',
    ])
  })

  it('P16: what a page set is saved also where the page answers with something that is no answer', async () => {
    const pyhp = createPyhp({ store: memoryStore(), cookie: { insecureDevelopment: true } })
    const wrong = [5, undefined, null, true, new Response('hello'), { body: 5 }]
    const page = (answer: unknown) => (): Reply => {
      usual(pyhp)
      return answer as Reply
    }
    const address = await host(
      pyhp.serve({
        ...pages(pyhp),
        '/fine': page({}),
        ...Object.fromEntries(wrong.map((answer, i) => [`/${i}`, page(answer)])),
      }),
    )
    const ann = browser(address)
    expect([(await ann.get('/fine')).status, (await ann.get('/fine')).text]).toEqual([200, ''])
    for (const [i] of wrong.entries()) {
      expect([(await ann.post(`/${i}`, { v: `set ${i}` })).status, (await ann.get('/get')).text]).toEqual([
        500,
        `"set ${i}"`,
      ])
    }
  })

  it('P7 P12 P14 P16: the same pages start, fill, read and wipe the session of their own request', async () => {
    const pyhp = createPyhp({ store: memoryStore(), cookie: { insecureDevelopment: true } })
    const address = await host(pyhp.serve(pages(pyhp)))
    const visitors = await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const visitor = browser(address)
        await visitor.post('/put', { v: `Grüße ${i}` })
        return visitor
      }),
    )
    const answers = await Promise.all(visitors.map((visitor) => visitor.get('/get')))
    expect(answers.map(({ text }) => text)).toEqual(visitors.map((_, i) => `"Grüße ${i}"`))
    const [ann = browser(address)] = visitors
    expect([(await ann.get('/wipe')).text, ann.cookies.size, (await ann.get('/get')).text]).toEqual([
      '{}',
      0,
      '"nothing"',
    ])
    for (const path of ['/nowhere', '/constructor']) expect((await ann.get(path)).status, path).toBe(404)
  })
})

const PROGRAM = `
  import { createServer } from 'node:http'
  import { createPyhp } from 'sojourn/originals/pyhp'
  import { sqliteStore } from 'sojourn/stores/sqlite'

  const store = sqliteStore({ path: 'sessions.db' })
  const { serve, session } = createPyhp({ store, cookie: { insecureDevelopment: true } })
  const pages = {
    '/start': () => (session.start(), 'ok'),
    '/save': async () => {
      session.data['v'] = 'saved'
      await session.save()
      return await new Promise<string>(() => undefined)
    },
    '/read': () => String(session.get('v')),
  }
  createServer(serve(pages).node).listen(3000, '127.0.0.1')
`
