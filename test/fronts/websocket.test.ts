import type { IncomingMessage } from 'node:http'
import type { Peer } from 'crossws'
import type { Socket } from 'socket.io'
import type { LiveSession, WebsocketSessions } from 'sojourn/websocket'
import { describe, expect, it } from 'vitest'
import { MINUTE, settled } from '../support/bed.ts'
import { recordsIn } from '../support/stores.ts'
import type { Visit } from './driver.ts'
import { crosswsDriver } from './sockets/crossws.ts'
import type { Line } from './sockets/driver.ts'
import { Refused } from './sockets/driver.ts'
import { room } from './sockets/room.ts'
import { socketIoDrivers } from './sockets/socket-io.ts'
import { wsDriver } from './sockets/ws.ts'

type Opened = Promise<LiveSession<Visit> | undefined>
/** The types of the libraries fit, without an assertion by the application. */
export const fitsWs = (sockets: WebsocketSessions<Visit>, request: IncomingMessage): Opened => sockets.open(request)
export const fitsSocketIo = (sockets: WebsocketSessions<Visit>, socket: Socket): Opened => sockets.open(socket.request)
export const fitsCrossws = (sockets: WebsocketSessions<Visit>, peer: Peer): Opened => sockets.open(peer.request)

const data = (text: string): unknown => JSON.parse(text)
const statusOf = (connecting: Promise<Line>): Promise<unknown> =>
  connecting.then(
    () => 'open',
    (error: unknown) => (error instanceof Refused ? error.status : error),
  )

describe.each([wsDriver, crosswsDriver, ...socketIoDrivers])('sessions on sockets of $name', (driver) => {
  it('open with the cookie; each message sees what pages wrote, and pages what messages wrote', async () => {
    const { visitor, connect } = await room(driver)
    const ada = visitor()
    await ada.request('/set?name=ada')
    const line = await connect(ada)
    expect(data(await line.say('/'))).toEqual({ name: 'ada' })
    await ada.request('/set?a=1')
    expect(data(await line.say('/set?b=2'))).toEqual({ name: 'ada', a: '1', b: '2' })
    expect(data((await ada.request('/')).text)).toEqual({ name: 'ada', a: '1', b: '2' })
    expect(data(await line.say('shown'))).toEqual({ name: 'ada', a: '1', b: '2' })
  })

  it('RACE-1: two sockets and a page that overlap lose nothing', async () => {
    const { visitor, connect, pausable } = await room(driver)
    const ada = visitor()
    await ada.request('/set?name=ada')
    const [first, second] = [await connect(ada), await connect(ada)]
    const isUpdate = { method: 'update' } as const
    pausable.hold(isUpdate)
    const all = [first.say('/set?a=1'), second.say('/set?b=2'), ada.request('/set?count=3')]
    while (pausable.held(isUpdate).length < 3) await settled()
    pausable.releaseAll()
    await Promise.all(all)
    expect(data((await ada.request('/')).text)).toEqual({ name: 'ada', a: '1', b: '2', count: '3' })

    await ada.request('/destroy')
    const eve = visitor()
    await eve.request('/set?name=eve')
    const lines = [await connect(eve), await connect(eve)]
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => [
        ...lines.map((line) => line.say(`/increment?${i}`)),
        eve.request('/increment'),
      ]).flat(),
    )
    expect(data((await eve.request('/')).text)).toMatchObject({ count: 60 })
  })

  it('ASVS5-7.4.1: are closed at once when their session ends in this process', async () => {
    const ends: readonly ((made: Awaited<ReturnType<typeof signedIn>>) => Promise<unknown>)[] = [
      ({ ada }) => ada.request('/logout'),
      ({ ada }) => ada.request('/destroy'),
      ({ ada }) => ada.request('/login?as=ada'),
      ({ sessions }) => sessions.forSubject('ada').endAll(),
      ({ sessions }) => sessions.forSubject('ada').endWhere(() => true),
      ({ sessions }) => sessions.revokeAll(),
      ({ lines }) => lines[0].say('/destroy'),
      ({ lines }) => lines[0].say('/logout'),
    ]
    const signedIn = async () => {
      const made = await room(driver)
      const ada = made.visitor()
      await ada.request('/login?as=ada')
      return { ...made, ada, lines: [await made.connect(ada), await made.connect(ada)] as const }
    }
    for (const end of ends) {
      const made = await signedIn()
      await end(made)
      expect(await Promise.all(made.lines.map(({ closed }) => closed))).toEqual([driver.ended, driver.ended])
      expect(made.ticker.waiting()).toBe(0)
    }
  })

  it('ASVS5-7.4.2 ASVS5-7.4.5: are closed at the next check when it ends in another process', async () => {
    const { visitor, connect, elsewhere, ticker, sockets } = await room(driver)
    const ends = [
      (ada: ReturnType<typeof visitor>) => ada.elsewhere('/logout'),
      () => elsewhere.forSubject('ada').endAll(),
      async () => {
        const [one] = await elsewhere.forSubject('ada').list()
        return elsewhere.forSubject('ada').end(one?.handle ?? '')
      },
      () => elsewhere.revokeAll(),
    ]
    for (const end of ends) {
      const ada = visitor()
      await ada.request('/login?as=ada')
      const line = await connect(ada)
      await end(ada)
      await ticker.pass(29_999)
      expect(await line.say('ping')).toBe('pong')
      await ticker.pass(1)
      expect(await line.closed).toBe(driver.ended)
    }
    const ada = visitor()
    await ada.request('/login?as=ada')
    const line = await connect(ada)
    await elsewhere.revokeAll()
    await sockets.check()
    expect(await line.closed).toBe(driver.ended)
  })

  it('ASVS5-4.4.3 RACE-2: write nothing after the end, and a message finds it at once', async () => {
    const { visitor, connect, elsewhere, counting, answers } = await room(driver)
    const ada = visitor()
    await ada.request('/login?as=ada')
    const line = await connect(ada)
    await elsewhere.forSubject('ada').endAll()
    counting.reset()
    await line.say('/set?name=mallory')
    expect(await line.closed).toBe(driver.ended)
    expect(answers).toEqual(['error gone'])
    expect(counting.calls.map(({ method }) => method)).toEqual(['get'])
    expect(await recordsIn(counting.store)).toEqual([])
    expect(data((await ada.request('/')).text)).toEqual({})
  })

  it('RACE-2: a message whose session ends while it is worked on writes nothing, and is told so', async () => {
    const { visitor, connect, elsewhere, pausable, counting, answers } = await room(driver)
    const ada = visitor()
    await ada.request('/login?as=ada')
    const line = await connect(ada)
    pausable.hold({ method: 'update' })
    const answer = line.say('/set?name=mallory')
    const held = await pausable.nextHeld({ method: 'update' })
    await elsewhere.forSubject('ada').endAll()
    held.release()
    await answer
    expect(await line.closed).toBe(driver.ended)
    expect(answers).toEqual(['error gone'])
    expect(await recordsIn(counting.store)).toEqual([])
  })

  it('STORE-1 STORE-5: stay open while the store is out of reach, and go on when it is back', async () => {
    const { visitor, connect, faulty, ticker } = await room(driver)
    const ada = visitor()
    await ada.request('/login?as=ada')
    const line = await connect(ada)
    faulty.setRules([{ fault: 'reject' }])
    expect(await line.say('/set?name=ada')).toBe('error store-unavailable')
    await ticker.pass(5 * MINUTE)
    expect(await line.say('ping')).toBe('pong')
    expect(await statusOf(connect(ada))).toBe(503)
    faulty.setRules([{ fault: 'reject', methods: ['update'] }])
    expect(await line.say('/set?name=ada')).toBe('error store-unavailable')
    faulty.setRules([])
    expect(data(await line.say('shown')), 'what was not stored is not shown').toEqual({})
    expect(data(await line.say('/set?a=1'))).toEqual({ a: '1' })
  })

  it('have no session for a visitor without one, with a made-up token, or with one that has ended', async () => {
    const { visitor, connect, counting } = await room(driver)
    counting.reset()
    expect(await statusOf(connect({ cookie: undefined }))).toBe(401)
    expect(counting.count()).toBe(0)
    expect(await statusOf(connect({ cookie: `__Host-id=${'A'.repeat(46)}` }))).toBe(401)
    const ada = visitor()
    await ada.request('/login?as=ada')
    const { cookie } = ada
    await ada.request('/logout')
    expect(await statusOf(connect({ cookie }))).toBe(401)
    expect(await recordsIn(counting.store)).toEqual([])
  })

  it('ASVS5-4.4.2: are refused to pages of another origin, before the store is asked', async () => {
    const { visitor, connect, counting, port } = await room(driver, { sockets: { origins: ['https://app.example'] } })
    const ada = visitor()
    await ada.request('/set?name=ada')
    counting.reset()
    const foreign = ['https://evil.example', `http://127.0.0.1:${port}`, `https://127.0.0.1:${port + 1}`, 'null']
    for (const origin of foreign) expect(await statusOf(connect(ada, { origin })), origin).toBe(403)
    for (const site of ['cross-site', 'same-site']) {
      expect(await statusOf(connect(ada, { 'sec-fetch-site': site })), site).toBe(403)
    }
    expect(counting.count()).toBe(0)
    for (const origin of [`https://127.0.0.1:${port}`, 'https://app.example']) {
      expect(await statusOf(connect(ada, { origin })), origin).toBe('open')
    }
    expect(await statusOf(connect(ada, { 'sec-fetch-site': 'same-origin' }))).toBe('open')
  })

  it('follow the rotations of another process, for visitors and for users, as long as the session lives', async () => {
    const { visitor, connect, ticker } = await room(driver, { sessions: { rotation: { every: '10m' } } })
    for (const begin of ['/set?name=guest', '/login?as=ada']) {
      const someone = visitor()
      await someone.request(begin)
      const line = await connect(someone)
      const first = someone.cookie
      for (let minutes = 0; minutes < 60; minutes += 12) {
        await ticker.pass(12 * MINUTE)
        await someone.elsewhere('/')
      }
      expect(someone.cookie).not.toBe(first)
      await ticker.pass(MINUTE)
      await line.say('/set?a=1')
      expect(data((await someone.elsewhere('/')).text)).toMatchObject({ a: '1' })
      await someone.elsewhere('/destroy')
      await ticker.pass(5000)
      expect(await line.closed).toBe(driver.ended)
    }
  })

  it('refuse what replaces the token, and keep the session as it is', async () => {
    const { visitor, connect, counting, answers } = await room(driver)
    const ada = visitor()
    await ada.request('/login?as=ada')
    const line = await connect(ada)
    const before = await recordsIn(counting.store)
    for (const verb of ['/login?as=eve', '/elevate', '/rotate', '/logout?keep']) {
      expect(await line.say(verb), verb).toBe('error unsupported')
    }
    expect(await recordsIn(counting.store)).toEqual(before)
    expect(data(await line.say('/set?a=1'))).toEqual({ a: '1' })
    await line.say('/begin-again')
    expect(await line.closed).toBe(driver.ended)
    expect(answers.at(-1)).toBe('error unsupported')
    expect(await recordsIn(counting.store)).toEqual([])
  })

  it('keep what a message did before it failed, as a page does', async () => {
    const { visitor, connect } = await room(driver)
    const ada = visitor()
    await ada.request('/set?a=1')
    const line = await connect(ada)
    expect(await line.say('/set-and-throw')).toBe('error Error: the handler')
    expect(data((await ada.request('/')).text)).toEqual({ a: '1', name: 'before the error' })
  })

  it('ASVS5-7.3.1: talking keeps a session alive, listening does not', async () => {
    const { visitor, connect, ticker } = await room(driver)
    const [talker, listener] = [visitor(), visitor()]
    await talker.request('/set?name=talker')
    await listener.request('/set?name=listener')
    const [talking, listening] = [await connect(talker), await connect(listener)]
    for (let minutes = 0; minutes < 30; minutes += 5) {
      await ticker.pass(5 * MINUTE)
      expect(data(await talking.say('/'))).toEqual({ name: 'talker' })
    }
    expect(await listening.closed).toBe(driver.ended)
  })

  it('share one timer, and none is left when the last has closed', async () => {
    const { visitor, connect, ticker, counting } = await room(driver)
    const ada = visitor()
    await ada.request('/set?name=ada')
    expect(ticker.waiting()).toBe(0)
    const lines = [await connect(ada), await connect(ada), await connect(ada)]
    await Promise.all(lines.map((line) => line.say('ping')))
    expect(ticker.waiting()).toBe(1)
    counting.reset()
    await ticker.pass(MINUTE)
    expect(counting.calls.map(({ method }) => method)).toEqual(Array.from({ length: 6 }, () => 'get'))
    for (const line of lines) line.hangUp()
    while (ticker.waiting() > 0) await settled()
    counting.reset()
    await ticker.pass(5 * MINUTE)
    expect(counting.count()).toBe(0)
  })
})
