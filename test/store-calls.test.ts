/** What a request costs: the store calls that it makes, in their order, through each front over a real server. */
import { createSessions } from 'sojourn'
import type { Session } from 'sojourn'
import { memoryStore } from 'sojourn/stores/memory'
import type { StoreMethod } from 'sojourn/testing'
import { countingStore } from 'sojourn/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Visitor } from './fronts/client.ts'
import { createClient, createVisitor } from './fronts/client.ts'
import type { Driver, Visit } from './fronts/driver.ts'
import { drivers } from './fronts/drivers/all.ts'
import { MINUTE, testClock } from './support/bed.ts'

const count = ({ data }: Session<Visit>): void => {
  data.count = (data.count ?? 0) + 1
}

/** What the handlers do, by path. */
const handlers: Readonly<Record<string, (session: Session<Visit>) => unknown>> = {
  '/ignore': () => undefined,
  '/read': (session) => session.data.count,
  '/start': (session) => session.start(),
  '/count': count,
  '/count and undo': (session) => {
    count(session)
    session.data.count = (session.data.count ?? 0) - 1
  },
  '/count, save': async (session) => {
    count(session)
    await session.save()
  },
  '/count, save, save, commit': async (session) => {
    count(session)
    await session.save()
    await session.save()
    await session.commit()
  },
  '/count, commit, commit': async (session) => {
    count(session)
    await session.commit()
    await session.commit()
  },
  '/count, save, count': async (session) => {
    count(session)
    await session.save()
    count(session)
  },
  '/increment': (session) => session.increment('count'),
  '/sign in': (session) => session.login('anna', { keep: ['count'] }),
  '/sign out': (session) => session.logout(),
  '/destroy': (session) => session.destroy(),
}

interface Scene {
  /** A visitor without a past. */
  arrive(): Visitor
  advance(milliseconds: number): void
  /** The store calls of one request. */
  callsOf(visitor: Visitor, path: string): Promise<readonly StoreMethod[]>
}

async function scene(driver: Driver): Promise<Scene> {
  const clock = testClock()
  const counting = countingStore(memoryStore({ now: clock.now }))
  const sessions = createSessions<Visit>({ store: counting.store, initial: () => ({}), now: clock.now })
  const running = await driver.start({
    sessions,
    handle: async ({ session, path }) => {
      await handlers[decodeURI(path)]?.(session)
      return { body: 'done' }
    },
  })
  const client = createClient(running.endpoint)
  onTestFinished(async () => {
    client.close()
    await running.close()
    await sessions.close()
  })
  return {
    arrive: () => createVisitor(client),
    advance: clock.advance,
    async callsOf(visitor, path) {
      counting.reset()
      const { status } = await visitor.request(encodeURI(path))
      expect(status, path).toBe(200)
      // A sweep is nobody's request: it runs beside one every few minutes.
      return counting.calls.map(({ method }) => method).filter((method) => method !== 'sweep')
    },
  }
}

const NAMES = ['node:http', 'Express 5', 'Fastify', 'Koa', 'Hono', 'h3', 'fetch']
const fronts = drivers.filter(({ name }) => NAMES.includes(name))

it('every front is there', () => {
  expect(fronts.map(({ name }) => name)).toEqual(NAMES)
})

describe.each(fronts)('$name', (driver) => {
  it('DOS-2 DOS-3: a visitor without a session makes no store call by visiting, reading, signing out or destroying', async () => {
    const { arrive, callsOf } = await scene(driver)
    expect(await callsOf(arrive(), '/ignore')).toEqual([])
    expect(await callsOf(arrive(), '/read')).toEqual([])
    expect(await callsOf(arrive(), '/sign out')).toEqual([])
    expect(await callsOf(arrive(), '/destroy')).toEqual([])
  })

  it('a new session is one insert', async () => {
    const { arrive, callsOf } = await scene(driver)
    for (const path of ['/count', '/start']) expect(await callsOf(arrive(), path), path).toEqual(['insert'])
  })

  it('a session that is only read is one get, and so is one whose change was undone', async () => {
    const { arrive, callsOf } = await scene(driver)
    const visitor = arrive()
    await visitor.request('/count')
    for (const path of ['/ignore', '/read', '/start', '/count and undo']) {
      expect(await callsOf(visitor, path), path).toEqual(['get'])
    }
  })

  it('a session that is changed is one get and one update', async () => {
    const { arrive, callsOf } = await scene(driver)
    const visitor = arrive()
    await visitor.request('/count')
    expect(await callsOf(visitor, '/count')).toEqual(['get', 'update'])
    expect(await callsOf(visitor, '/increment')).toEqual(['get', 'update'])
  })

  it('RACE-17: after a save by hand the end of the request writes nothing, nor does any further save or commit', async () => {
    const { arrive, callsOf } = await scene(driver)
    const visitor = arrive()
    await visitor.request('/count')
    for (const path of ['/count, save', '/count, save, save, commit', '/count, commit, commit']) {
      expect(await callsOf(visitor, path), path).toEqual(['get', 'update'])
    }
    expect(await callsOf(visitor, '/count, save, count')).toEqual(['get', 'update', 'update'])
  })

  it('RACE-17: a session that began with a save by hand is written once, and not looked at again', async () => {
    const { arrive, callsOf } = await scene(driver)
    for (const path of ['/count, save', '/count, save, save, commit']) {
      expect(await callsOf(arrive(), path), path).toEqual(['insert'])
    }
  })

  it('a use is written down at most once a minute, by one touch or with the next change', async () => {
    const { arrive, advance, callsOf } = await scene(driver)
    const visitor = arrive()
    await visitor.request('/count')
    advance(MINUTE)
    expect(await callsOf(visitor, '/read')).toEqual(['get', 'touch'])
    expect(await callsOf(visitor, '/read')).toEqual(['get'])
    advance(MINUTE)
    expect(await callsOf(visitor, '/count')).toEqual(['get', 'update'])
    expect(await callsOf(visitor, '/read')).toEqual(['get'])
  })

  it('a sign-in is one write: an insert, or the rotation of the session that there was', async () => {
    const { arrive, callsOf } = await scene(driver)
    // The last get: the token leaves only if nobody has ended the session or replaced the token meanwhile.
    expect(await callsOf(arrive(), '/sign in')).toEqual(['insert', 'get'])
    const visitor = arrive()
    await visitor.request('/count')
    expect(await callsOf(visitor, '/sign in')).toEqual(['get', 'rotate', 'get'])
  })

  it('a sign-out and a destroy are one delete, and the next request makes no call', async () => {
    const { arrive, callsOf } = await scene(driver)
    for (const path of ['/sign out', '/destroy']) {
      const visitor = arrive()
      await visitor.request('/count')
      expect(await callsOf(visitor, path), path).toEqual(['get', 'delete'])
      expect(await callsOf(visitor, '/read'), path).toEqual([])
    }
  })
})
