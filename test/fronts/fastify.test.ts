import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import fastify from 'fastify'
import type { Sessions } from 'sojourn'
import { cookieCarrier, createSessions } from 'sojourn'
import { urlCarrier } from 'sojourn/carriers/url'
import { fastifySessions } from 'sojourn/fastify'
import type { FastifySessions } from 'sojourn/fastify'
import { memoryStore } from 'sojourn/stores/memory'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { createVisitor } from './client.ts'
import type { Running, Visit } from './driver.ts'
import { createFastify, serveFastify } from './drivers/fastify.ts'
import { stage } from './stage.ts'

/** The structural types fit the real ones. */
export const fits = (front: FastifySessions<Visit>): FastifyPluginCallback => front

const serve =
  (build: (app: FastifyInstance, sessions: Sessions<Visit>) => unknown, create = createFastify) =>
  async (sessions: Sessions<Visit>): Promise<Running> => {
    const app = create()
    await build(app, sessions)
    return serveFastify(app)
  }

describe('fastifySessions', () => {
  it('puts the same session on the request and into sessions.current and of, and lets nobody replace it', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        const plugin = fastifySessions(sessions)
        app.register(plugin)
        app.get('/', (request) => {
          expectTypeOf(request.session.data).toEqualTypeOf<Visit>()
          return [request.session === plugin.of(request), request.session === sessions.current()]
        })
        app.get('/replace', (request) => Object.assign(request, { session: null }))
      }),
    )
    const client = connect()
    expect((await client.request('/')).text).toBe('[true,true]')
    expect((await client.request('/replace')).status).toBe(500)
  })

  it('merges what a reply says of caches and cookies, and leaves the reply its own headers', async () => {
    const replies: unknown[] = []
    const { connect } = await stage(
      serve(async (app, sessions) => {
        await app.register(fastifySessions(sessions))
        app.addHook('onResponse', async (_request, reply) => void replies.push(reply.getHeaders()['vary']))
        app.get('/', (request, reply) => {
          request.session.data.name = 'ada'
          reply.headers({
            'set-cookie': 'app=1',
            'cache-control': 'public',
            'cdn-cache-control': 'public',
            vary: 'Accept',
          })
          reply.header('x-one', '1').send('page')
        })
        app.get('/refused', (request, reply) => {
          request.session.data.name = 'ada'
          reply.header('x-bad', 'a\nb').send('page')
        })
      }),
    )
    const got = await connect().request('/')
    expect(got.cookies.map((line) => line.split('=')[0])).toEqual(['app', '__Host-id'])
    expect(got.all('cache-control')).toEqual(['private, no-store'])
    expect(got.all('cdn-cache-control')).toEqual(['private, no-store'])
    expect([got.all('vary'), got.all('x-one'), got.text]).toEqual([['Accept, cookie'], ['1'], 'page'])
    expect(replies).toEqual(['Accept'])
    const refused = await connect().request('/refused')
    expect([refused.status, refused.text.includes('page'), refused.cookies.length]).toEqual([500, false, 1])
  })

  it('has the session as the current one in every hook from its own on, and after the body was parsed', async () => {
    const seen: string[] = []
    const { connect } = await stage(
      serve(async (app, sessions) => {
        await app.register(fastifySessions(sessions))
        const note = (name: string) => async (): Promise<void> => {
          seen.push(`${name} ${sessions.current().data.name}`)
        }
        app.addHook('onRequest', async (request) => {
          request.session.data.name = 'ada'
        })
        for (const name of ['onRequest', 'preParsing', 'preValidation', 'preHandler', 'onSend'] as const)
          app.addHook(name as 'onRequest', note(name))
        app.post('/', async (request) => {
          await note('handler')()
          return request.body
        })
        app.setErrorHandler(async (_error, _request, reply) => {
          await note('error handler')()
          return reply.code(500).send('sorry')
        })
        app.post('/throw', () => {
          throw new Error('broken on purpose')
        })
      }),
    )
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ a: 1 }) }
    expect((await connect().request('/', init)).text).toBe('{"a":1}')
    const hooks = ['onRequest', 'preParsing', 'preValidation', 'preHandler', 'handler', 'onSend']
    expect(seen.splice(0)).toEqual(hooks.map((name) => `${name} ada`))
    expect((await connect().request('/throw', init)).text).toBe('sorry')
    expect(seen).toContain('error handler ada')
  })

  it('holds for the instance on which it is registered and all below, and for no other', async () => {
    const { connect, watched } = await stage(
      serve(async (app, sessions) => {
        const plugin = fastifySessions(sessions)
        await app.register(async (shop) => {
          await shop.register(plugin)
          shop.get('/shop', (request) => `count ${(request.session.data.count = 1)}`)
          await shop.register(async (inner) => {
            // Registered again below: one load, one save.
            await inner.register(fastifySessions(sessions))
            inner.get('/inner', (request) => `count ${(request.session.data.count ?? 0) + 1}`)
          })
        })
        app.get('/', (request) => typeof request.session)
        app.get('/of', (request) => plugin.of(request))
      }),
    )
    const visitor = createVisitor(connect())
    expect((await visitor.request('/shop')).cookies).toHaveLength(1)
    watched.forget()
    expect((await visitor.request('/inner')).text).toBe('count 2')
    expect(watched.calls()).toEqual(['get'])
    expect((await visitor.request('/')).text).toBe('undefined')
    expect((await visitor.request('/of')).text).toContain('app.register it')
    expect(watched.calls()).toEqual(['get'])
  })

  it('serves two managers side by side, each with a cookie of its own', async () => {
    const { connect } = await stage(
      serve(async (app, sessions) => {
        const admins = createSessions<{ level?: number }>({
          store: memoryStore(),
          cookie: { name: '__Host-admin' },
          initial: () => ({}),
        })
        const [visits, levels] = [fastifySessions(sessions), fastifySessions(admins)]
        await app.register(visits)
        await app.register(levels)
        app.get('/', (request) => {
          const seen = JSON.stringify([visits.of(request).data, levels.of(request).data])
          visits.of(request).data.count = 1
          levels.of(request).data.level = 9
          return `${seen} ${request.session === visits.of(request)}`
        })
      }),
    )
    const client = connect()
    const got = await client.request('/')
    expect([got.text, got.cookies.length]).toEqual(['[{},{}] true', 2])
    const cookie = got.cookies.map((line) => line.split(';')[0]).join('; ')
    expect((await client.request('/', { headers: { cookie } })).text).toBe('[{"count":1},{"level":9}] true')
  })

  it('STORE-2: gives a failed save to the error handler, once, with a reply it can use, and stops what feeds the page', async () => {
    const errors: unknown[] = []
    const page = Readable.from(['page'])
    const { connect, watched } = await stage(
      serve(async (app, sessions) => {
        app.addHook('onRequest', async (_request, reply) => {
          reply.header('x-before', 'kept')
        })
        await app.register(fastifySessions(sessions))
        app.get('/', (request, reply) => {
          request.session.data.count = 1
          return reply.code(201).header('x-page', '1').header('set-cookie', 'page=1').send(page)
        })
        app.setErrorHandler<Error & { statusCode?: number; code?: string }>((error, _request, reply) => {
          errors.push([error.statusCode, error.code])
          reply.send({ sorry: true })
        })
      }),
    )
    watched.fail('insert')
    const got = await connect().request('/')
    expect([got.status, got.text]).toEqual([503, '{"sorry":true}'])
    expect([got.all('x-before'), got.all('x-page'), got.cookies]).toEqual([['kept'], [], []])
    expect(errors).toEqual([[503, 'store-unavailable']])
    // Tried, looked for, and tried once more.
    expect(watched.calls()).toEqual(['insert', 'get', 'insert'])
    expect(page.destroyed).toBe(true)
  })

  it('saves before the first byte also where a handler takes the reply away from Fastify', async () => {
    const { connect, watched } = await stage(
      serve(async (app, sessions) => {
        await app.register(fastifySessions(sessions))
        app.get('/', (request, reply) => {
          request.session.data.count = 1
          reply.hijack()
          reply.raw.writeHead(200, { 'Cache-Control': 'public' })
          reply.raw.end('raw page')
        })
      }),
    )
    const got = await connect().request('/')
    expect([got.status, got.text, got.cookies.length]).toEqual([200, 'raw page', 1])
    expect(got.all('cache-control')).toEqual(['private, no-store'])
    watched.fail('insert')
    const failed = await connect().request('/')
    expect([failed.status, failed.text, failed.cookies]).toEqual([503, 'Service Unavailable', []])
  })

  it('VULN-12: a Response that a handler returns is as private as any other page', async () => {
    const { connect } = await stage(
      serve(async (app, sessions) => {
        await app.register(fastifySessions(sessions))
        app.get('/', (request) => {
          request.session.data.count = 1
          return new Response('page', { headers: { 'Cache-Control': 'public, max-age=60', Vary: 'Accept' } })
        })
      }),
    )
    const got = await connect().request('/')
    expect([got.text, got.cookies.length]).toEqual(['page', 1])
    expect([got.all('cache-control'), got.all('vary')]).toEqual([['private, no-store'], ['Accept, cookie']])
  })

  it("gives Fastify's own page for what is not found a session, and simulated requests too", async () => {
    const app = createFastify()
    const sessions = createSessions<Visit>({ store: memoryStore() })
    await app.register(fastifySessions(sessions))
    app.addHook('onRequest', async (request) => {
      request.session.data.count = 1
    })
    const got = await app.inject({ url: '/nowhere', headers: { 'x-forwarded-proto': 'https' } })
    expect([got.statusCode, got.cookies.length, got.headers['cache-control']]).toEqual([404, 1, 'private, no-store'])
    await app.close()
    await sessions.close()
  })

  it('Y3: a token at the end of the path reaches the routes without it, where the option rewriteUrl takes it off', async () => {
    const url = urlCarrier({ suffix: ';sid=' })
    const rewriteUrl = (request: { url?: string | undefined }): string => url.strip(request.url ?? '/')
    const { connect } = await stage(
      serve(
        async (app, sessions) => {
          await app.register(fastifySessions(sessions))
          app.get('/page', (request) => {
            request.session.start().data.count = (request.session.data.count ?? 0) + 1
            return [request.session.data.count, request.url, request.originalUrl, url.link(request.session, '/page')]
          })
        },
        () => fastify({ rewriteUrl, forceCloseConnections: true }),
      ),
      { carriers: [cookieCarrier(), url] },
    )
    const client = connect()
    let at = '/page'
    for (let hop = 0; hop < 3; hop++) {
      const got = await client.request(at)
      if (got.status === 200) break
      at = got.all('location')[0] ?? ''
    }
    const first = JSON.parse((await client.request(at)).text) as [number, string, string, string]
    expect(first[3]).toMatch(/^\/page;sid=/)
    const second = JSON.parse((await client.request(first[3])).text) as typeof first
    expect(second.slice(0, 3)).toEqual([first[0] + 1, '/page', '/page'])
  })

  it("follows Fastify's trustProxy for the address and the encryption of the client", async () => {
    for (const [trustProxy, expected] of [
      ['127.0.0.1', [true, '1.1.1.1']],
      [false, [false, '127.0.0.1']],
    ] as const) {
      const seen: unknown[] = []
      const { connect } = await stage(
        serve(
          async (app, sessions) => {
            await app.register(fastifySessions(sessions))
            app.get('/', (request) => `${(request.session.data.count = 1)}`)
          },
          () => fastify({ trustProxy, forceCloseConnections: true }),
        ),
        {
          bind: (facts) => {
            seen.push([facts.secure, facts.clientAddress])
            return undefined
          },
        },
      )
      await connect().request('/', { headers: { 'x-forwarded-for': '6.6.6.6, 1.1.1.1' } })
      expect(seen).toEqual([expected])
    }
  })

  it('serves over HTTP/2 as well, also what is written past Fastify', async () => {
    const { connect } = await stage(async (sessions) => {
      const app = fastify({ http2: true, trustProxy: '127.0.0.1' })
      await app.register(fastifySessions(sessions))
      app.get('/', (request) => `count ${(request.session.data.count = (request.session.data.count ?? 0) + 1)}`)
      app.get('/raw', (request, reply) => {
        reply.hijack()
        reply.raw.end(`raw ${(request.session.data.count = (request.session.data.count ?? 0) + 1)}`)
      })
      const address = await app.listen({ port: 0, host: '127.0.0.1' })
      return { endpoint: { protocol: 'h2c', port: Number(new URL(address).port) }, close: () => app.close() }
    })
    const visitor = createVisitor(connect())
    expect((await visitor.request('/')).cookies).toHaveLength(1)
    expect((await visitor.request('/raw')).text).toBe('raw 2')
    expect((await visitor.request('/')).text).toBe('count 3')
  })
})
