import { createSessions } from 'sojourn'
import { memoryStore } from 'sojourn/stores/memory'
import { countingStore, faultStore, pausableStore } from 'sojourn/testing'
import { websocketSessions } from 'sojourn/websocket'
import type { Handshake, LiveSession, WebsocketSessions, WebsocketSessionsOptions } from 'sojourn/websocket'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Bed, BedOptions, Client, Loose } from '../support/bed.ts'
import { MINUTE, bed, copyOf, newClient, settled, testClock } from '../support/bed.ts'
import { unwatchedStore } from '../support/unwatched.ts'
import type { Ticker } from './sockets/room.ts'
import { ticker } from './sockets/room.ts'

interface Setting extends Bed<Loose> {
  readonly ticker: Ticker
  readonly sockets: WebsocketSessions<Loose>
  /** The sessions of another process on the same store. */
  readonly elsewhere: Bed<Loose>
  readonly open: never
  connect(client: Client): Promise<LiveSession<Loose>>
}

function setting(options: BedOptions<Loose> = {}, own: WebsocketSessionsOptions = {}): Setting {
  const time = ticker(options.clock)
  const { clock } = time
  const shared = { store: unwatchedStore({ now: clock.now }), ...options, clock }
  const [here, elsewhere] = [bed(shared), bed(shared)]
  const sockets = websocketSessions(here.sessions, { timer: time.timer, ...own })
  return {
    ...here,
    ticker: time,
    sockets,
    elsewhere,
    connect: async (client) => {
      const live = await sockets.open(handshake(client))
      if (live === undefined) throw new Error('there is no session')
      return live
    },
  } as Setting
}

function handshake(client: Client, headers: Readonly<Record<string, string>> = {}): Handshake {
  const cookie = [...client.jar].map(([name, value]) => `${name}=${value}`).join('; ')
  return {
    method: 'GET',
    url: '/live',
    headers: { host: 'shop.example', ...(cookie === '' ? {} : { cookie }), ...headers },
    socket: Object.assign({ encrypted: true }, client.address === undefined ? {} : { remoteAddress: client.address }),
  }
}

/** Whether the live session has told that it ended. */
function listen(live: LiveSession<Loose>): () => Promise<number> {
  const told = vi.fn<() => void>()
  live.onEnd(told)
  return async () => {
    await settled()
    return told.mock.calls.length
  }
}

const complaints = vi.fn<(...args: unknown[]) => void>()
beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(complaints))
afterEach(() => {
  vi.restoreAllMocks()
  complaints.mockReset()
})

describe('a live session', () => {
  it('tells who and what, and is the current session while it is used', async () => {
    const { signedIn, visit, connect, sessions } = setting()
    const ada = await signedIn('ada')
    await visit(ada, (session) => session.set('a', 1))
    const live = await connect(ada)
    expect([live.subject, live.data, live.hasEnded]).toEqual(['ada', { a: 1 }, false])
    expect((await sessions.forSubject('ada').list())[0]?.handle).toBe(live.handle)
    const result = await live.use(async (session) => {
      await settled()
      expect(sessions.current()).toBe(session)
      session.set('b', 2)
      expect(live.data, 'not yet stored').toEqual({ a: 1 })
      return 'what fn returns'
    })
    expect([result, live.data]).toEqual(['what fn returns', { a: 1, b: 2 }])
    expect(() => sessions.current()).toThrow(/no request/)
    expect(await live.isAlive()).toBe(true)
  })

  it('shows what a check has found, and of two looks what the later one found', async () => {
    const { signedIn, visit, connect, sockets, elsewhere } = setting()
    const ada = await signedIn('ada')
    const live = await connect(ada)
    live.onEnd(() => undefined)
    await elsewhere.visit(ada, (session) => session.set('a', 1))
    expect(live.data).toEqual({})
    await sockets.check()
    expect(live.data).toEqual({ a: 1 })
    const [looking] = [live.isAlive(), live.use((session) => session.set('a', 2))]
    await looking
    await visit(ada, (session) => expect(session.get('a')).toBe(2))
    expect(live.data).toEqual({ a: 2 })
  })

  it('does not go back to what a check has read before a message was saved', async () => {
    const { clock, timer } = ticker()
    const { store, hold, nextHeld } = pausableStore(unwatchedStore({ now: clock.now }))
    const { signedIn, sessions } = bed({ store, clock })
    const live = await websocketSessions(sessions, { timer }).open(handshake(await signedIn('ada')))
    const letGo = hold({ method: 'get', stage: 'after' })
    const looking = live?.isAlive()
    const read = await nextHeld({ stage: 'after' })
    letGo()
    await live?.use((session) => session.set('a', 1))
    read.release()
    expect([await looking, live?.data]).toEqual([true, { a: 1 }])
  })

  it('leaves nothing behind when the last is released, not even in the middle of a check', async () => {
    const time = ticker()
    const { store, hold, nextHeld, releaseAll } = pausableStore(unwatchedStore({ now: time.clock.now }))
    const { signedIn, sessions } = bed({ store, clock: time.clock })
    let listening = 0
    const counted: typeof sessions = {
      ...sessions,
      on: (name, listener) => {
        const forget = sessions.on(name, listener)
        listening += 1
        return () => {
          listening -= 1
          forget()
        }
      },
    }
    const live = await websocketSessions(counted, { timer: time.timer }).open(handshake(await signedIn('ada')))
    live?.onEnd(() => undefined)
    expect(listening).toBeGreaterThan(0)
    hold({ method: 'get' })
    await time.pass(30_000)
    await nextHeld()
    live?.release()
    releaseAll()
    await settled()
    expect([time.waiting(), listening]).toEqual([0, 0])
  })

  it('tells of its end once, also who asks afterwards, and nobody after its release', async () => {
    const { signedIn, connect, sessions, ticker } = setting()
    const ada = await signedIn('ada')
    const [live, released, unwatched] = [await connect(ada), await connect(ada), await connect(ada)]
    const [told, toldToo, never] = [listen(live), listen(live), listen(released)]
    released.release()
    await sessions.forSubject('ada').endAll()
    expect([await told(), await toldToo(), await never()]).toEqual([1, 1, 0])
    await sessions.revokeAll()
    expect([await told(), live.hasEnded, await live.isAlive()]).toEqual([1, true, false])
    expect(await listen(live)()).toBe(1)
    await expect(live.use(() => 'unreached')).rejects.toMatchObject({ code: 'gone' })
    expect(await listen(released)()).toBe(0)
    expect([ticker.waiting(), unwatched.hasEnded]).toEqual([0, false])
    await expect(unwatched.use(() => 'unreached')).rejects.toMatchObject({ code: 'gone' })
    expect([unwatched.hasEnded, await listen(unwatched)()]).toEqual([true, 1])
  })

  it('is not watched before somebody listens, so that a handshake that never ends costs nothing', async () => {
    const { signedIn, connect, ticker } = setting()
    const live = await connect(await signedIn('ada'))
    expect(ticker.waiting()).toBe(0)
    live.onEnd(() => undefined)
    expect(ticker.waiting()).toBe(1)
    live.release()
    live.onEnd(() => undefined)
    expect(ticker.waiting()).toBe(0)
  })

  it('tells every listener, whatever one of them does wrong', async () => {
    const { signedIn, connect, sessions } = setting()
    const live = await connect(await signedIn('ada'))
    live.onEnd(() => {
      throw new Error('at once')
    })
    live.onEnd(() => Promise.reject(new Error('later')))
    const told = listen(live)
    await sessions.revokeAll()
    expect(await told()).toBe(1)
    expect(complaints.mock.calls.map(([error]) => String(error))).toEqual(['Error: at once', 'Error: later'])
  })

  it('checks at once only whom the news is about', async () => {
    const { signedIn, visit, connect, elsewhere, ticker } = setting()
    const [ada, eve] = [await signedIn('ada'), await signedIn('eve')]
    const [adas, eves] = [listen(await connect(ada)), listen(await connect(eve))]
    await elsewhere.sessions.revokeAll()
    await signedIn('ada')
    expect([await adas(), await eves()]).toEqual([1, 0])
    await ticker.pass(30_000)
    expect(await eves()).toBe(1)
    const guest = newClient()
    await visit(guest, (session) => session.start())
    const guests = listen(await connect(guest))
    await visit(guest, (session) => session.destroy())
    expect(await guests()).toBe(1)
  })

  it('ends with a session that an absolute limit or the cap of its user ends', async () => {
    const { signedIn, connect, ticker } = setting({
      timeouts: { absolute: '1h' },
      perSubject: { max: 1, onLimit: 'evict-oldest' },
    })
    const first = listen(await connect(await signedIn('ada')))
    const second = await connect(await signedIn('ada'))
    const ended = listen(second)
    expect([await first(), await ended()]).toEqual([1, 0])
    for (let minutes = 0; minutes < 59; minutes++) {
      await ticker.pass(MINUTE)
      await second.use(() => undefined)
    }
    expect(await ended()).toBe(0)
    await ticker.pass(MINUTE)
    expect(await ended()).toBe(1)
  })
})

describe('a live session on a store that tells of endings', () => {
  it('ASVS5-7.4.2 ASVS5-7.4.5: ends at once with its session in another process, and nobody else is looked after', async () => {
    const clock = testClock()
    const counting = countingStore(memoryStore({ now: clock.now }))
    const { signedIn, connect, elsewhere, ticker } = setting({ store: counting.store, clock })
    const [ada, eve] = [await signedIn('ada'), await signedIn('eve')]
    const [adas, eves] = [listen(await connect(ada)), listen(await connect(eve))]
    await settled()
    counting.reset()
    await elsewhere.visit(ada, (session) => session.logout())
    expect([await adas(), await eves()]).toEqual([1, 0])
    // The visit elsewhere, and the look at ada's.
    expect(counting.calls.map(({ method }) => method)).toEqual(['get', 'delete', 'get'])
    await elsewhere.sessions.revokeAll()
    expect(await eves()).toBe(1)
    expect(ticker.waiting()).toBe(0)
  })

  it('goes on after a rotation in another process, however rarely it checks', async () => {
    const clock = testClock()
    const store = memoryStore({ now: clock.now })
    const { signedIn, connect, elsewhere, visit } = setting({ store, clock, rotation: { grace: '5s' } })
    const ada = await signedIn('ada')
    const live = await connect(ada)
    const ended = listen(live)
    clock.advance(MINUTE)
    await elsewhere.visit(ada, (session) => session.rotate())
    await settled()
    clock.advance(MINUTE)
    await live.use((session) => session.set('a', 1))
    expect(await visit(ada, (session) => session.get('a'))).toBe(1)
    expect(await ended()).toBe(0)
  })

  it('is found by the checks when the store could not be watched, and is told at once when it can be again', async () => {
    const clock = testClock()
    const inner = memoryStore({ now: clock.now })
    let isDown = true
    const store = {
      ...inner,
      watch: async (...args: Parameters<typeof inner.watch>) => {
        if (isDown) throw new Error('down')
        return inner.watch(...args)
      },
    }
    const { signedIn, connect, elsewhere, ticker } = setting({ store, clock })
    const [ada, eve] = [await signedIn('ada'), await signedIn('eve')]
    const [adas, eves] = [listen(await connect(ada)), listen(await connect(eve))]
    await elsewhere.sessions.forSubject('ada').endAll()
    expect(await adas()).toBe(0)
    isDown = false
    await ticker.pass(30_000)
    expect(await adas()).toBe(1)
    await settled()
    await elsewhere.sessions.forSubject('eve').endAll()
    expect(await eves()).toBe(1)
  })
})

describe('a live session and tokens that are replaced', () => {
  it('goes on after `rotate`: here at once, elsewhere if it checks within the grace', async () => {
    for (const [checkEvery, expected] of [
      ['9s', 0],
      ['11s', 1],
    ] as const) {
      const { signedIn, visit, connect, elsewhere, ticker } = setting({}, { checkEvery })
      const [here, there] = [await signedIn('ada'), await signedIn('eve')]
      const [live, other] = [await connect(here), await connect(there)]
      const [ended, otherEnded] = [listen(live), listen(other)]
      await visit(here, (session) => session.rotate())
      await elsewhere.visit(there, (session) => session.rotate())
      await ticker.pass(60_000)
      expect([await ended(), await otherEnded()], checkEvery).toEqual([0, expected])
      await live.use((session) => session.set('a', 1))
      await visit(here, (session) => expect(session.get('a')).toBe(1))
    }
  })

  it('ends when the store was out of reach for the whole grace of a rotation', async () => {
    for (const [outage, expected] of [
      [4000, 0],
      [11_000, 1],
    ] as const) {
      const { clock, timer, pass } = ticker()
      const faulty = faultStore(unwatchedStore({ now: clock.now }), { rules: [] })
      const { visit } = bed({ store: faulty.store, clock })
      const sessions = createSessions({ store: faulty.store, now: clock.now, rotation: { every: '10m' } })
      const sockets = websocketSessions(sessions, { timer })
      const rotating = bed({ store: faulty.store, clock, rotation: { every: '10m' } })
      const guest = newClient()
      await visit(guest, (session) => session.start())
      const live = await sockets.open(handshake(guest))
      const ended = live === undefined ? undefined : listen(live)
      await pass(10 * MINUTE)
      await rotating.visit(guest, (session) => session.handle)
      faulty.setRules([{ fault: 'reject' }])
      await pass(outage)
      expect(await ended?.(), 'an outage ends nothing').toBe(0)
      faulty.setRules([])
      await pass(5000)
      expect(await ended?.()).toBe(expected)
    }
  })

  it('ends at each rotation that has no grace', async () => {
    const { visit, connect, ticker } = setting({ rotation: { every: '10m', grace: '0s' } })
    const guest = newClient()
    await visit(guest, (session) => session.start())
    const ended = listen(await connect(guest))
    await ticker.pass(10 * MINUTE)
    expect(await ended()).toBe(0)
    await visit(guest, (session) => session.handle)
    expect(await ended()).toBe(1)
  })

  it('ASVS5-7.2.4 ASVS5-7.4.3: ends at login, elevation and the end of all others, and so does a thief on a socket', async () => {
    const { visit, signedIn, connect, sessions } = setting()
    const guest = newClient()
    await visit(guest, (session) => session.start())
    const asGuest = await connect(guest)
    const guests = listen(asGuest)
    await visit(guest, (session) => session.login('ada'))
    await asGuest.use(() => undefined).catch(() => undefined)
    expect(await guests()).toBe(1)
    const beforeElevation = listen(await connect(guest))
    await visit(guest, (session) => session.elevate())
    expect(await beforeElevation()).toBe(1)
    const ada = await signedIn('ada')
    const thief = listen(await connect(copyOf(ada)))
    await visit(ada, (session) => sessions.forSubject('ada').endAll({ except: session }))
    expect(await thief()).toBe(1)
    expect(await listen(await connect(ada))()).toBe(0)
  })
})

describe('the handshake', () => {
  it('is understood as a web request too, with its client behind proxies', async () => {
    const { visit, sockets, sessions } = setting({ bind: 'client-address' }, { trustProxy: 1 })
    const client: Client = { ...newClient(), address: '198.51.100.7' }
    await visit(client, (session) => session.set('a', 1))
    const cookie = [...client.jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const web = (address: string, url = 'https://shop.example/live?x=1'): Request =>
      new Request(url, { headers: { host: 'shop.example', cookie, 'x-forwarded-for': address } })
    const live = await sockets.open(web('198.51.100.7'))
    expect(await live?.use(({ facts }) => [facts.url, facts.clientAddress, facts.secure])).toEqual([
      '/live?x=1',
      '198.51.100.7',
      true,
    ])
    expect(await sockets.open(web('203.0.113.9'))).toBeUndefined()
    const told = websocketSessions(sessions, { clientAddress: () => '198.51.100.7' })
    expect(await told.open(web('203.0.113.9'))).toBeDefined()
  })

  it('finds no session where the store is out of reach and visitors are served all the same; damaged data begin anew (F7)', async () => {
    const { clock, timer } = ticker()
    const faulty = faultStore(unwatchedStore({ now: clock.now }), { rules: [] })
    const isBad = (text: string): boolean => text.includes('bad')
    const codec = {
      encode: (value: unknown) => JSON.stringify(value),
      decode: (text: string): unknown => (isBad(text) ? undefined : JSON.parse(text)),
    }
    const { visit, sessions } = bed({ store: faulty.store, clock, onStoreError: 'anonymous', codec })
    const sockets = websocketSessions(sessions, { timer })
    const client = newClient()
    await visit(client, (session) => session.start())
    faulty.setRules([{ fault: 'reject' }])
    expect(await sockets.open(handshake(client))).toBeUndefined()
    faulty.setRules([])
    const live = await sockets.open(handshake(client))
    await visit(client, (session) => session.set('a', 'bad'))
    expect((await sockets.open(handshake(client)))?.data).toEqual({})
    expect(await live?.isAlive()).toBe(true)
  })

  it('asks for options that make sense', () => {
    const { sessions } = setting()
    const wrong: readonly unknown[] = [
      { checkEvery: 30 },
      { checkEvery: '0s' },
      { every: '1s' },
      { origins: ['shop.example'] },
      { origins: ['https://shop.example/'] },
      { origins: '*' },
      { timer: 5 },
      { clientAddress: 'me' },
      { trustProxy: -1 },
      null,
    ]
    for (const options of wrong) {
      expect(() => websocketSessions(sessions, options as WebsocketSessionsOptions), JSON.stringify(options)).toThrow(
        TypeError,
      )
    }
  })

  it('DOS-15: waits no longer between checks than timers can', async () => {
    const waited: number[] = []
    const timer = (milliseconds: number): (() => void) => {
      waited.push(milliseconds)
      return () => undefined
    }
    const { signedIn, sessions } = setting()
    const live = await websocketSessions(sessions, { timer, checkEvery: '365d' }).open(handshake(await signedIn('ada')))
    live?.onEnd(() => undefined)
    expect(waited).toEqual([2 ** 31 - 1])
  })
})
