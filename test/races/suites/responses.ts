import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect } from 'vitest'
import type { Session } from '../../../src/core/session.ts'
import { nodeSessions } from '../../../src/fronts/node.ts'
import { createClient } from '../../fronts/client.ts'
import type { Client } from '../../fronts/client.ts'
import { settled, tokenOf } from '../../support/bed.ts'
import type { Loose } from '../../support/bed.ts'
import type { Lab, Race } from '../lab.ts'
import { dataOf } from '../lab.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, session: Session<Loose>) => unknown

/** What reaches clients over real connections, and when. */
export function responseRaces(race: Race): void {
  describe('responses over real connections', () => {
    race('RACE-13: a redirect does not leave before what it leads to is saved', async (lab) => {
      const visitor = await lab.visitor({ n: 0 })
      const cookie = `__Host-id=${tokenOf(visitor) ?? ''}`
      await serving(lab, shop, async ({ open, request }) => {
        lab.paused.hold({ method: 'update' })
        let isAnswered = false
        const redirect = open('/add', { headers: { cookie } }).opened
        void redirect.then(() => (isAnswered = true))
        const [update] = await lab.held(1)
        // While the save is on its way another connection is served, and this one gets nothing.
        expect((await request('/', { headers: { cookie } })).text).toBe('0')
        expect(isAnswered).toBe(false)
        update?.release()
        lab.paused.releaseAll()
        const { status, all } = await redirect
        expect(status).toBe(303)
        expect((await request(all('location')[0] ?? '', { headers: { cookie } })).text).toBe('1')
      })
    })

    race('RACE-13 RACE-5: a login does not answer before the old token is dead', async (lab) => {
      const visitor = await lab.visitor()
      const cookie = `__Host-id=${tokenOf(visitor) ?? ''}`
      await serving(lab, shop, async ({ open, request }) => {
        lab.paused.hold({ method: 'rotate' })
        let isAnswered = false
        const login = open('/login', { headers: { cookie } }).opened
        void login.then(() => (isAnswered = true))
        const [rotation] = await lab.held(1)
        expect((await request('/who', { headers: { cookie } })).text).toBe('nobody')
        expect(isAnswered).toBe(false)
        rotation?.release()
        lab.paused.releaseAll()
        const [line = ''] = (await login).all('set-cookie')
        expect((await request('/who', { headers: { cookie: line.split(';')[0] ?? '' } })).text).toBe('ann')
        expect((await request('/who', { headers: { cookie } })).text).toBe('nobody')
      })
    })

    race('RACE-13: when the save fails the redirect does not leave at all', async (lab) => {
      const visitor = await lab.visitor({ n: 0 })
      const cookie = `__Host-id=${tokenOf(visitor) ?? ''}`
      await serving(lab, shop, async ({ open, request }) => {
        lab.paused.hold({ method: 'update' })
        const redirect = open('/add', { headers: { cookie } }).opened
        const [update] = await lab.held(1)
        update?.fail(new Error('disk full'))
        lab.paused.releaseAll()
        const { status, all } = await redirect
        expect(status).toBe(503)
        expect(all('location')).toEqual([])
        expect(all('set-cookie')).toEqual([])
        expect((await request('/', { headers: { cookie } })).text).toBe('0')
      })
    })

    race('RACE-18: who leaves in the middle of the handler does not stop it: it commits once', async (lab) => {
      const visitor = await lab.visitor({ n: 0 })
      const cookie = `__Host-id=${tokenOf(visitor) ?? ''}`
      const gate = gateOf()
      const handler: Handler = async (request, response, session) => {
        if (request.url !== '/slow') {
          await shop(request, response, session)
          return
        }
        const isClosed = new Promise((resolve) => response.once('close', resolve))
        gate.reached()
        await isClosed
        session.data['n'] = 1
        response.end('too late')
        gate.passed()
      }
      await serving(lab, handler, async ({ open, request }) => {
        const { opened, abort } = open('/slow', { headers: { cookie } })
        opened.catch(() => undefined)
        await gate.isReached
        abort()
        await gate.isPassed
        await settled()
        while ((await request('/', { headers: { cookie } })).text !== '1') await settled()
        const record = await lab.under(visitor)
        expect(record?.state === 'live' ? record.version : 0).toBe(2)
        expect(lab.paused.held()).toEqual([])
        // Nothing is locked: the next request writes, and is answered.
        expect((await request('/add', { headers: { cookie } })).status).toBe(303)
        expect(dataOf(await lab.under(visitor))).toEqual({ n: 2 })
      })
    })

    race(
      'RACE-18: who leaves while the save is on its way: it is saved once, and nothing is left behind',
      async (lab) => {
        const visitor = await lab.visitor({ n: 0 })
        const cookie = `__Host-id=${tokenOf(visitor) ?? ''}`
        await serving(lab, shop, async ({ open, request }) => {
          lab.paused.hold({ method: 'update' })
          const { opened, abort } = open('/add', { headers: { cookie } })
          opened.catch(() => undefined)
          const [update] = await lab.held(1)
          abort()
          await settled()
          update?.release()
          lab.paused.releaseAll()
          while ((await request('/', { headers: { cookie } })).text !== '1') await settled()
          const record = await lab.under(visitor)
          expect(record?.state === 'live' ? record.version : 0).toBe(2)
          expect(lab.paused.held()).toEqual([])
        })
      },
    )

    race('RACE-18: a request that never commits writes nothing and holds up nobody', async (lab) => {
      const visitor = await lab.visitor({ n: 0 })
      const dropped = await lab.open(visitor)
      dropped.data['n'] = 99
      await settled()
      expect(await lab.visit(visitor, (session) => session.increment('n'))).toBe(1)
      expect(dataOf(await lab.under(visitor))).toEqual({ n: 1 })
      expect(lab.paused.held()).toEqual([])
      const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
      const before = timers()
      const another = await lab.open(visitor)
      another.data['n'] = 98
      expect(timers()).toBe(before)
    })
  })
}

const shop: Handler = async (request, response, session) => {
  if (request.url === '/add') {
    session.data['n'] = Number(session.data['n']) + 1
    response.writeHead(303, { location: '/' }).end()
  } else if (request.url === '/login') {
    await session.login('ann')
    response.end('in')
  } else if (request.url === '/who') response.end(session.subject ?? 'nobody')
  else response.end(String(session.data['n']))
}

/** Serves the handler to two clients' worth of connections, for as long as the test plays. */
async function serving(lab: Lab, handler: Handler, play: (client: Client) => Promise<void>): Promise<void> {
  const withSession = nodeSessions(lab.sessions, {
    trustProxy: 1,
    onError: (_error, _request, response) => {
      response.statusCode = 503
      response.end('no')
    },
  })
  const server = createServer(withSession(handler))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const [slow, quick] = [createClient({ protocol: 'http', port }), createClient({ protocol: 'http', port })]
  try {
    await play({ ...slow, request: quick.request })
  } finally {
    lab.paused.releaseAll()
    slow.close()
    quick.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

interface Gate {
  readonly isReached: Promise<void>
  readonly reached: () => void
  readonly isPassed: Promise<void>
  readonly passed: () => void
}

function gateOf(): Gate {
  const { promise: isReached, resolve: reached } = withResolvers()
  const { promise: isPassed, resolve: passed } = withResolvers()
  return { isReached, reached, isPassed, passed }
}

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}
