import type { Server as HttpServer } from 'node:http'
import { Server } from 'socket.io'
import type { Socket } from 'socket.io'
import { io } from 'socket.io-client'
import type { Session } from 'sojourn'
import { expressSessions } from 'sojourn/express'
import { afterEach, describe, expect, it } from 'vitest'
import { createVisitor } from '../fronts/client.ts'
import type { Visit } from '../fronts/driver.ts'
import { expressVersions } from '../fronts/drivers/express.ts'
import { listen } from '../fronts/drivers/servers.ts'
import { stage } from '../fronts/stage.ts'

const TRANSPORTS = ['websocket', 'polling'] as const
const cases = expressVersions.flatMap(({ name, create }) =>
  TRANSPORTS.map((transport) => ({ version: name, create, transport })),
)

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

describe.each(cases)(
  '$version, Socket.IO over $transport, io.engine.use(expressSessions(sessions))',
  ({ create, transport }) => {
    /** The application of Socket.IO's guide for express-session. */
    async function serve(onMessage: (session: Session<Visit>, socket: Socket) => unknown) {
      const warnings: string[] = []
      const set = await stage(async (sessions) => {
        sessions.on('warning', ({ message }) => void warnings.push(message))
        const app = create().set('trust proxy', 1)
        const withSession = expressSessions(sessions)
        app.use(withSession)
        app.use('/count', (request, response) => {
          const { data } = withSession.of(request)
          data.count = (data.count ?? 0) + 1
          response.send(`count ${data.count}`)
        })
        const running = await listen('http', app)
        const sockets = new Server(running.server as unknown as HttpServer, { transports: [transport] })
        sockets.engine.use(withSession)
        sockets.on('connection', (socket) => {
          socket.on('message', async (reply: (answer: unknown) => void) => {
            try {
              reply(await onMessage(withSession.of(socket.request), socket))
            } catch (error) {
              reply(String(error))
            }
          })
        })
        return { ...running, close: () => sockets.close() }
      })
      const connect = (cookie: string | undefined) => {
        const client = io(`http://127.0.0.1:${set.running.endpoint.port}`, {
          transports: [transport],
          reconnection: false,
          extraHeaders: { 'x-forwarded-proto': 'https', ...(cookie !== undefined && { cookie }) },
        })
        ends.push(() => client.close())
        return client
      }
      return { ...set, warnings, open: connect }
    }

    it('a socket sees the session of the page, under request.session too (F8, F15)', async () => {
      const { connect, open } = await serve((session, socket) => {
        return [Reflect.get(socket.request, 'session') === session, session.data.count]
      })
      const visitor = createVisitor(connect())
      await visitor.request('/count')
      await visitor.request('/count')
      expect(await open(visitor.cookie).timeout(2_000).emitWithAck('message')).toEqual([true, 2])
    })

    it('what a socket changes in a session that exists is saved, by hand or by itself (F8)', async () => {
      const { connect, open, sessions } = await serve(async (session) => {
        session.data.a = (session.data.a ?? 0) + 1
        if (session.data.a === 1) await session.save()
        return session.data.a
      })
      const visitor = createVisitor(connect())
      await visitor.request('/count')
      const socket = open(visitor.cookie)
      expect(await socket.timeout(2_000).emitWithAck('message')).toBe(1)
      expect(await stored(visitor.cookie, sessions)).toMatchObject({ count: 1, a: 1 })
      expect(await socket.timeout(2_000).emitWithAck('message')).toBe(2)
      await expect.poll(async () => stored(visitor.cookie, sessions)).toMatchObject({ count: 1, a: 2 })
    })

    it('where a token would be needed a socket is told so, and nothing is stored (F8)', async () => {
      const { open, watched } = await serve(async (session) => {
        session.data.a = 1
        await session.save()
      })
      expect(await open(undefined).timeout(2_000).emitWithAck('message')).toMatch(/^SessionError: session: .*token/)
      expect(watched.writes()).toEqual([])
    })

    it('a change of a visitor who has no session is a warning (F8, F9)', async () => {
      const { open, watched, warnings } = await serve((session) => {
        session.data.a = 1
      })
      await open(undefined).timeout(2_000).emitWithAck('message')
      await expect.poll(() => warnings).toEqual([expect.stringMatching(/token/)])
      expect(watched.writes()).toEqual([])
    })

    it('no socket opens while the store is out of reach', async () => {
      const { connect, open, watched } = await serve(() => 'open')
      const visitor = createVisitor(connect())
      await visitor.request('/count')
      watched.fail('get')
      const refused = new Promise((resolve) => void open(visitor.cookie).on('connect_error', resolve))
      expect(await refused).toBeInstanceOf(Error)
    })
  },
)

async function stored(
  cookie: string | undefined,
  sessions: { openReadOnly: (facts: never) => Promise<Session<Visit>> },
) {
  const facts = {
    method: 'GET',
    url: '/',
    secure: true,
    header: (name: string) => (name === 'cookie' ? cookie : undefined),
  }
  return (await sessions.openReadOnly(facts as never)).data
}
