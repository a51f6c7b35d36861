import { createSessions } from 'sojourn'
import { urlCarrier } from 'sojourn/carriers/url'
import { memoryStore } from 'sojourn/stores/memory'
import { countingStore } from 'sojourn/testing'
import { describe, expect, it } from 'vitest'
import { factsOf } from '../facts.ts'
import { serve, site } from './web.ts'

const MINUTE = 60_000

describe('PyHP: what pyhp.session does', () => {
  it('P1: two requests with one cookie see the same data, two clients never see each other', async () => {
    const { browser } = await site({
      '/put': ({ session, query }) => (session.set('v', query.get('v')), 'ok'),
      '/get': ({ session }) => String(session.get('v')),
    })
    const [ann, bob] = [browser(), browser()]
    await ann.get('/put?v=ann')
    await bob.get('/put?v=bob')
    expect([(await ann.get('/get')).text, (await bob.get('/get')).text]).toEqual(['ann', 'bob'])
  })

  it('P2 K1 W4: a page that never starts a session makes no record and no cookie', async () => {
    const { store, count } = countingStore(memoryStore())
    const { browser } = await site({ '/': () => 'hello' }, { store })
    const visit = await browser().get('/')
    expect(visit.setCookies).toEqual([])
    expect(count()).toBe(0)
  })

  it(
    'P3 Y35: a million starts give a million distinct ids, and the page never supplies one',
    { timeout: 120_000 },
    () => {
      const sessions = createSessions({ store: memoryStore(), carriers: [urlCarrier()] })
      const tokens = new Set<string>()
      for (let i = 0; i < 1_000_000; i++) {
        const session = sessions.open(factsOf())
        if (session instanceof Promise) throw new Error('an anonymous visit made a store call')
        tokens.add(session.start().credential('url') ?? '')
      }
      expect(tokens.size).toBe(1_000_000)
    },
  )

  it('P4 P5: start makes an empty record and sends exactly one cookie', async () => {
    const store = memoryStore()
    const { browser } = await site({ '/': ({ session }) => (session.start(), JSON.stringify(session.data)) }, { store })
    const visit = await browser().get('/')
    expect(visit.text).toBe('{}')
    expect(visit.setCookies).toHaveLength(1)
    const records = []
    for await (const page of store.scan()) records.push(...page)
    expect(records.map(([, record]) => record.data)).toEqual(['{}'])
  })

  it('P6 P17 P11: later requests have the data without a call, any number of times', async () => {
    const { browser } = await site({
      '/start': ({ session }) => (session.start().set('name', 'Ann'), 'ok'),
      '/': ({ session }) => String(session.data['name']),
    })
    const ann = browser()
    await ann.get('/start')
    for (let i = 0; i < 20; i++) expect((await ann.get('/')).text).toBe('Ann')
  })

  it('P7 Y21 Y24: any code reaches the running request’s own session through one name', async () => {
    const { sessions, browser } = await site({
      '/who': async ({ query }) => {
        remember(query.get('name') ?? '')
        await new Promise((resolve) => setTimeout(resolve, 5))
        return recall()
      },
    })
    // Another module would hold these two functions; neither is given a session.
    const remember = (name: string): void => void sessions.current().set('name', name)
    const recall = (): string => String(sessions.current().get('name'))
    const names = Array.from({ length: 20 }, (_, i) => `visitor ${i}`)
    const answers = await Promise.all(names.map((name) => browser().get(`/who?name=${name}`)))
    expect(answers.map((answer) => answer.text)).toEqual(names)
    expect(() => sessions.current()).toThrow('no request')
  })

  it('P8: a session shows an id to read and data to read and write', async () => {
    const { browser } = await site({
      '/': ({ session }) => {
        session.start()
        session.data['a'] = 1
        expect(() => Reflect.set(session, 'handle', 'mine')).toThrow(TypeError)
        return `${session.handle?.length} ${String(session.data['a'])}`
      },
    })
    expect((await browser().get('/')).text).toBe('22 1')
  })

  it('P9: creation, saving and deletion are three independent operations', async () => {
    const { store, count } = countingStore(memoryStore())
    const sessions = createSessions({ store })
    const created = await sessions.open(factsOf())
    created.start()
    expect(await created.save()).toBe('saved')
    expect(await created.save()).toBe('unchanged')
    await created.destroy()
    expect([count('insert'), count('delete'), count()]).toEqual([1, 1, 2])
    const other = await sessions.open(factsOf())
    await other.destroy()
    expect([count('insert'), count('delete'), count()]).toEqual([1, 1, 2])
  })

  it('P10 W2 W13 Y12: data is a dictionary, with membership, defaults, and keys that may be walked while changing', async () => {
    const { browser } = await site<Record<string, number>>({
      '/': ({ session }) => {
        session.data['k'] = 1
        session.set('l', 2)
        for (const key of session.keys()) session.delete(key)
        session.set('m', (session.get('m', 40) ?? 0) + 2)
        const reads = [session.data['m'], session.get('m'), session.has('m'), session.has('k'), 'k' in session.data]
        return JSON.stringify([...reads, session.keys(), session.entries()])
      },
    })
    expect(JSON.parse((await browser().get('/')).text)).toEqual([42, 42, true, false, false, ['m'], [['m', 42]]])
  })

  it('P12 W11 W12: a posted text comes back exactly on the next request, only by being set', async () => {
    const { browser } = await site({
      '/put': ({ session, form }) => (session.set('text', form.get('text')), 'ok'),
      '/get': ({ session }) => JSON.stringify(session.get('text')),
    })
    for (const text of ['', 'Grüße 👋🏽 “quoted” <b> & ; = %00 \u0000', 'x'.repeat(20_000)]) {
      const ann = browser()
      await ann.post('/put', { text })
      expect(JSON.parse((await ann.get('/get')).text)).toBe(text)
    }
  })

  it('P13 P14 W7 K7 Y14: the end erases data, record and cookie, and nothing comes back at the end of the request', async () => {
    const store = memoryStore()
    const { browser } = await site(
      {
        '/in': ({ session }) => (session.set('secret', 1), 'ok'),
        '/out': async ({ session }) => {
          await session.destroy()
          session.set('late', 1)
          return JSON.stringify(session.get('secret') ?? 'erased')
        },
        '/': ({ session }) => JSON.stringify([session.isNew, session.data]),
      },
      { store },
    )
    const ann = browser()
    await ann.get('/in')
    const replay = new Map(ann.cookies)
    expect((await ann.get('/out')).text).toBe('"erased"')
    expect(ann.cookies.size).toBe(0)
    for await (const page of store.scan()) expect(page).toEqual([])
    for (const [name, value] of replay) ann.cookies.set(name, value)
    expect(JSON.parse((await ann.get('/')).text)).toEqual([true, {}])
  })

  it('P16: what a page sets is saved by itself', async () => {
    const { browser } = await site<{ n?: number }>({
      '/': ({ session }) => String((session.data.n = (session.data.n ?? 0) + 1)),
    })
    const ann = browser()
    await ann.get('/')
    expect((await ann.get('/')).text).toBe('2')
  })

  it('P18: save fixes the moment: another process reads the value before the request has ended', async () => {
    let goOn = (): void => undefined
    let saved = (): void => undefined
    const isSaved = new Promise<void>((resolve) => (saved = resolve))
    const { browser, sessions } = await site({
      '/start': ({ session }) => (session.start(), 'ok'),
      '/slow': async ({ session }) => {
        session.set('early', 1)
        await session.save()
        saved()
        await new Promise<void>((resolve) => (goOn = resolve))
        return 'done'
      },
      '/read': ({ session }) => String(session.get('early')),
    })
    const ann = browser()
    await ann.get('/start')
    const slow = ann.get('/slow')
    await isSaved
    // A second server on the same store stands for the other process.
    const other = await serve(sessions, { '/read': ({ session }) => String(session.get('early')) })
    const cookie = [...ann.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    expect(await (await fetch(`${other}/read`, { headers: { cookie } })).text()).toBe('1')
    goOn()
    expect((await slow).text).toBe('done')
  })

  it('P19 K15: with no configuration the lifetime is 900 seconds', () => {
    expect(createSessions({ store: memoryStore() }).policy().idle).toBe(900_000)
  })

  it('P20: the lifetime is an idle time: use starts it anew, and a used session lives for hours', async () => {
    const { browser, advance } = await site(
      { '/in': ({ session }) => (session.set('v', 1), 'ok'), '/': ({ session }) => String(session.get('v')) },
      { timeouts: { touchEvery: '0s' } },
    )
    const ann = browser()
    await ann.get('/in')
    advance(14 * MINUTE + 59_000)
    expect((await ann.get('/')).text).toBe('1')
    for (let i = 0; i < 18; i++) {
      advance(10 * MINUTE)
      expect((await ann.get('/')).text).toBe('1')
    }
    advance(15 * MINUTE)
    expect((await ann.get('/')).text).toBe('undefined')
  })

  it('P21 Y19: after the timeout the id opens nothing, and the record is removed by the sweep', async () => {
    let time = 0
    const store = memoryStore({ now: () => time })
    const sessions = createSessions({ store, now: () => time })
    const session = await sessions.open(factsOf())
    session.set('v', 1)
    await session.commit()
    time += 16 * MINUTE
    expect(await sessions.sweep()).toBe(1)
    for await (const page of store.scan()) expect(page).toEqual([])
  })

  it('P22: start on a restored session keeps the session, its name and its data', async () => {
    const { browser } = await site({
      '/in': ({ session }) => (session.start().set('v', 1), String(session.handle)),
      '/again': ({ session }) => `${session.start().handle} ${String(session.get('v'))}`,
    })
    const ann = browser()
    const { text: handle } = await ann.get('/in')
    const again = await ann.get('/again')
    expect(again.text).toBe(`${handle} 1`)
    expect(again.setCookies).toEqual([])
  })
})
