import http from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import type { Carrier, Session } from 'sojourn'
import { isSessionError } from 'sojourn'
import { nodeSessions } from 'sojourn/node'
import type { NodeSessions } from 'sojourn/node'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createVisitor } from './client.ts'
import type { Visit } from './driver.ts'
import { listen } from './drivers/servers.ts'
import { stage } from './stage.ts'
import { settle } from './table.ts'
import { bed } from '../support/bed.ts'

/** The types of both kinds of servers fit, without an assertion by the application. */
export const fitsHttp = (front: NodeSessions<Visit>): http.Server =>
  http.createServer(
    front((request, response, session) => {
      response.end(`${request.url} ${session.data.count}`)
    }),
  )
export const fitsHttp2 = (
  front: NodeSessions<Visit>,
): ((request: Http2ServerRequest, response: Http2ServerResponse) => void) =>
  front((request: Http2ServerRequest, response: Http2ServerResponse) => {
    response.end(request.authority)
  })

const told = vi.fn<(...args: unknown[]) => void>()

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(told)
})
afterEach(() => {
  vi.restoreAllMocks()
  told.mockReset()
})

const OVER_TLS = { trustProxy: 1 }

describe('nodeSessions', () => {
  it('gives errors of the handler and of the session to onError, with the response as it was before the page', async () => {
    const errors: unknown[] = []
    const { connect, watched } = await stage((sessions) =>
      listen(
        'http',
        nodeSessions(sessions, {
          ...OVER_TLS,
          onError: (error, _request, response) => {
            errors.push(error)
            response.statusCode = isSessionError(error) ? 503 : 500
            response.end(`sorry ${response.getHeaderNames().length}`)
          },
        })((request, response, session) => {
          session.data.count = (session.data.count ?? 0) + 1
          if (request.url === '/throw') throw new Error('broken on purpose')
          response.setHeader('X-Page', '1')
          response.end(`count ${session.data.count}`)
        }),
      ),
    )
    const visitor = createVisitor(connect())
    expect((await visitor.request('/')).text).toBe('count 1')
    const thrown = await visitor.request('/throw')
    expect([thrown.status, thrown.text]).toEqual([500, 'sorry 0'])
    for (const method of ['get', 'update'] as const) {
      watched.fail(method)
      const got = await visitor.request('/')
      expect([got.status, got.text, got.all('x-page')]).toEqual([503, 'sorry 0', []])
      watched.heal()
    }
    expect((await visitor.request('/')).text).toBe('count 3')
    expect(errors.map((error) => isSessionError(error) && error.code)).toEqual([
      false,
      'store-unavailable',
      'store-unavailable',
    ])
    expect(told).not.toHaveBeenCalled()
  })

  it.each([
    [
      'throws',
      (): never => {
        throw new Error('worse')
      },
    ],
    [
      'rejects',
      async (): Promise<never> => {
        throw new Error('worse')
      },
    ],
  ])('answers plainly when onError itself %s, and tells the console', async (_how, onError) => {
    const { connect } = await stage((sessions) =>
      listen(
        'http',
        nodeSessions(sessions, { ...OVER_TLS, onError })((_request, response, session) => {
          session.data.count = 1
          response.setHeader('Content-Length', '9')
          throw new Error('broken on purpose')
        }),
      ),
    )
    const got = await connect().request('/')
    expect([got.status, got.text, got.cookies.length]).toEqual([500, 'Internal Server Error', 1])
    expect(got.all('cache-control')).toEqual(['private, no-store'])
    expect(told).toHaveBeenCalledOnce()
  })

  it('believes proxies only as far as it is told to', async () => {
    const addresses: unknown[] = []
    const bind = (facts: { readonly secure: boolean; readonly clientAddress?: string | undefined }): undefined => {
      addresses.push([facts.secure, facts.clientAddress])
    }
    for (const options of [{}, { trustProxy: 1 }, { trustProxy: true, proxyHeader: 'forwarded' as const }]) {
      const { connect } = await stage(
        (sessions) =>
          listen(
            'https',
            nodeSessions(
              sessions,
              options,
            )((_request, response, session) => {
              session.data.count = 1
              response.end()
            }),
          ),
        { bind },
      )
      const got = await connect().request('/', {
        headers: {
          'x-forwarded-for': '6.6.6.6, 1.1.1.1',
          'x-forwarded-proto': 'http',
          forwarded: 'for=2.2.2.2;proto=https',
        },
      })
      expect(got.cookies[0]).toMatch(/; Secure/)
    }
    expect(addresses).toEqual([
      [true, '127.0.0.1'],
      [false, '1.1.1.1'],
      [true, '2.2.2.2'],
    ])
  })

  it('refuses wrong options at once', () => {
    expect(() => nodeSessions(bed().sessions, { trustProxy: -1 })).toThrow(/trustProxy/)
  })

  it('joins several Cookie fields, also over http2', async () => {
    for (const kind of ['http', 'h2c'] as const) {
      const { connect } = await stage((sessions) =>
        listen(
          kind,
          nodeSessions(
            sessions,
            OVER_TLS,
          )((_request, response, session) => {
            const seen = String(session.data.count)
            session.data.count = 1
            response.end(seen)
          }),
        ),
      )
      const visitor = createVisitor(connect())
      await visitor.request('/')
      const got = await connect().request('/', { headers: { cookie: ['other=1', visitor.cookie ?? '', 'last=2'] } })
      expect(got.text).toBe('1')
    }
  })

  it('shows the handler a URL without the token, and gives the form carrier the parsed body', async () => {
    const seen: unknown[] = []
    const odd: Carrier = {
      name: 'odd',
      isFallback: false,
      carriesSubjects: true,
      vary: [],
      read: (facts) => {
        seen.push(facts.field?.('token'), facts.field?.('other'))
        return []
      },
      hand: () => ({}),
      clear: () => ({}),
      strip: (url) => url.replace(/\?token=\w+/, ''),
    }
    const { connect } = await stage(
      (sessions) =>
        listen(
          'http',
          nodeSessions(sessions, { body: () => ({ token: 'abc', other: 7 }) })((request, response) => {
            response.end(request.url)
          }),
        ),
      { carriers: [odd] },
    )
    expect((await connect().request('/page?token=secret')).text).toBe('/page')
    expect(seen).toEqual(['abc', undefined])
  })

  it('gives the answer of the session, such as a message for an expired one, instead of calling the handler', async () => {
    const handler = vi.fn<() => void>()
    const { connect } = await stage((sessions) => listen('http', nodeSessions(sessions, OVER_TLS)(handler)), {
      refusal: { answer: 'message', message: 'Session expired', status: 440 },
    })
    const got = await connect().request('/', { headers: { cookie: `__Host-id=${'A'.repeat(46)}` } })
    expect([got.status, got.text]).toEqual([440, 'Session expired'])
    expect(got.cookies[0]).toMatch(/Max-Age=0/)
    expect(handler).not.toHaveBeenCalled()
  })

  it('answers requests that were sent all at once in their order, although the first waits for the store', async () => {
    const { running, watched } = await stage((sessions) =>
      listen(
        'http',
        nodeSessions(
          sessions,
          OVER_TLS,
        )((request, response, session) => {
          if (request.url === '/write') session.data.count = 1
          response.end(`answer to ${request.url};`)
        }),
      ),
    )
    const inserting = watched.hold('insert')
    const socket = net.connect(running.endpoint.port, '127.0.0.1')
    const received = text(socket)
    const head = 'Host: localhost\r\nX-Forwarded-Proto: https\r\n'
    socket.write(`GET /write HTTP/1.1\r\n${head}\r\nGET /plain HTTP/1.1\r\n${head}Connection: close\r\n\r\n`)
    const release = await inserting
    await settle()
    release()
    expect((await received).match(/answer to \/\w+;|__Host-id=/g)).toEqual([
      '__Host-id=',
      'answer to /write;',
      'answer to /plain;',
    ])
  })

  it('opens the session of an upgrade for reading, and tells later that it has ended', async () => {
    let upgraded: Session<Visit> | undefined
    const { connect, running, watched, sessions } = await stage(async (manager) => {
      const withSession = nodeSessions(manager, OVER_TLS)
      const server = await listen(
        'http',
        withSession(async (request, response, session) => {
          if (request.url === '/end') await session.destroy()
          else session.data.name = 'ada'
          response.end()
        }),
      )
      server.server.on('upgrade', (request: IncomingMessage, socket: net.Socket) => {
        void withSession.upgrade(request).then((session) => {
          upgraded = session
          session.data.name = 'never stored'
          socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n')
        })
      })
      return server
    })
    const visitor = createVisitor(connect())
    await visitor.request('/')
    watched.forget()
    const upgrade = http.request({
      port: running.endpoint.port,
      host: '127.0.0.1',
      headers: { cookie: visitor.cookie, connection: 'Upgrade', upgrade: 'test' },
    })
    upgrade.end()
    await new Promise((resolve) => upgrade.on('upgrade', resolve))
    upgrade.destroy()
    expect(upgraded?.isNew).toBe(false)
    expect(await upgraded?.isAlive()).toBe(true)
    expect((await upgraded?.commit())?.cookies ?? []).toEqual([])
    expect(watched.writes()).toEqual([])
    await visitor.request('/end')
    expect(await upgraded?.isAlive()).toBe(false)
    expect(() => sessions.current()).toThrow(/no request/)
    await setImmediate()
  })
})
