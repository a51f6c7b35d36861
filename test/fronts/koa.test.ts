import { Readable } from 'node:stream'
import Koa from 'koa'
import type { Middleware } from 'koa'
import type { Sessions } from 'sojourn'
import { createSessions } from 'sojourn'
import { koaSessions } from 'sojourn/koa'
import type { KoaSessions, WithSession } from 'sojourn/koa'
import { memoryStore } from 'sojourn/stores/memory'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { createVisitor } from './client.ts'
import type { Running, Visit } from './driver.ts'
import { createKoa } from './drivers/koa.ts'
import { listen } from './drivers/servers.ts'
import { stage } from './stage.ts'
import { inQuery } from './table.ts'

type App = ReturnType<typeof createKoa>

/** The structural types fit the real ones. */
export const fits = (front: KoaSessions<Visit>): Middleware<Koa.DefaultState, WithSession<Visit>> => front

const serve =
  (build: (app: App, sessions: Sessions<Visit>) => unknown, create = createKoa) =>
  async (sessions: Sessions<Visit>): Promise<Running> => {
    const app = create()
    await build(app, sessions)
    return listen('http', (request, response) => void app.callback()(request, response))
  }

describe('koaSessions', () => {
  it('puts the same session on the context and into sessions.current and of, and lets nobody replace it', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        const withSession = koaSessions(sessions)
        app.use(withSession)
        app.use((ctx) => {
          expectTypeOf(ctx.session.data).toEqualTypeOf<Visit>()
          if (ctx.path === '/replace') Object.assign(ctx, { session: null })
          ctx.body = [ctx.session === withSession.of(ctx), ctx.session === sessions.current()]
        })
      }),
    )
    const client = connect()
    expect((await client.request('/')).text).toBe('[true,true]')
    expect((await client.request('/replace')).status).toBe(500)
  })

  it('tells who reads a session without the middleware what to do', () => {
    const sessions = createSessions<Visit>({ store: memoryStore() })
    expect(() => koaSessions(sessions).of({})).toThrow(/app\.use/)
  })

  it('STORE-2: a failed save reaches the middleware above, which renders it; no header of the page is left', async () => {
    const page = Readable.from(['page'])
    const { connect, watched } = await stage(
      serve((app, sessions) => {
        app.use(async (ctx, next) => {
          ctx.set('x-before', 'kept')
          try {
            await next()
          } catch (error) {
            ctx.status = (error as { status?: number }).status ?? 500
            ctx.body = { sorry: (error as { code?: string }).code }
          }
        })
        app.use(koaSessions(sessions))
        app.use((ctx) => {
          ctx.session.data.count = 1
          ctx.set({ 'x-page': '1', etag: '"page"' })
          ctx.cookies.set('page', '1')
          ctx.status = 201
          ctx.body = page
        })
      }),
    )
    watched.fail('insert')
    const got = await connect().request('/')
    expect([got.status, got.text]).toEqual([503, '{"sorry":"store-unavailable"}'])
    expect([got.all('x-before'), got.all('x-page'), got.all('etag'), got.cookies]).toEqual([['kept'], [], [], []])
    // Tried, looked for, and tried once more.
    expect(watched.calls()).toEqual(['insert', 'get', 'insert'])
    expect(page.destroyed).toBe(true)
  })

  it('STORE-2: nothing of the page is sent when a middleware above swallows the error', async () => {
    const { connect, watched } = await stage(
      serve((app, sessions) => {
        app.use(async (_ctx, next) => {
          await next().catch(() => undefined)
        })
        app.use(koaSessions(sessions))
        app.use((ctx) => {
          ctx.session.data.count = 1
          ctx.body = 'page'
        })
      }),
    )
    watched.fail('insert')
    const got = await connect().request('/')
    expect([got.status, got.text, got.cookies]).toEqual([503, 'Service Unavailable', []])
  })

  it('STORE-1: a failed load reaches the middleware above and app.on error, and no handler of a page is called', async () => {
    const told: unknown[] = []
    const { connect, watched } = await stage(
      serve((app, sessions) => {
        app.on('error', (error: { code?: string }) => told.push(error.code))
        app.use(koaSessions(sessions))
        app.use((ctx) => {
          ctx.session.data.count = 1
          ctx.body = 'page'
        })
      }),
    )
    const visitor = createVisitor(connect())
    await visitor.request('/')
    watched.fail('get')
    const got = await visitor.request('/')
    expect([got.status, got.text, got.cookies]).toEqual([503, 'Service Unavailable', []])
    expect(told).toEqual(['store-unavailable'])
  })

  it('Y37: what a handler changed before it threw is saved with the page that a middleware above makes of it', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        app.use(async (ctx, next) => {
          await next().catch(() => {
            ctx.session.data.a = 1
            ctx.status = 500
            ctx.body = 'sorry'
          })
        })
        app.use(koaSessions(sessions))
        app.use((ctx) => {
          ctx.session.data.count = (ctx.session.data.count ?? 0) + 1
          if (ctx.path === '/throw') throw new Error('broken on purpose')
          ctx.body = ctx.session.data
        })
      }),
    )
    const visitor = createVisitor(connect())
    const got = await visitor.request('/throw')
    expect([got.status, got.text, got.cookies.length]).toEqual([500, 'sorry', 1])
    expect(JSON.parse((await visitor.request('/')).text)).toEqual({ count: 2, a: 1 })
  })

  it('serves two managers side by side, each with a cookie of its own', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        const admins = createSessions<{ level?: number }>({
          store: memoryStore(),
          cookie: { name: '__Host-admin' },
          initial: () => ({}),
        })
        const [visits, levels] = [koaSessions(sessions), koaSessions(admins)]
        app.use(visits)
        app.use(levels)
        app.use((ctx) => {
          const seen = JSON.stringify([visits.of(ctx).data, levels.of(ctx).data])
          visits.of(ctx).data.count = 1
          levels.of(ctx).data.level = 9
          ctx.body = `${seen} ${ctx.session === visits.of(ctx)}`
        })
      }),
    )
    const client = connect()
    const got = await client.request('/')
    expect([got.text, got.cookies.length]).toEqual(['[{},{}] true', 2])
    const cookie = got.cookies.map((line) => line.split(';')[0]).join('; ')
    expect((await client.request('/', { headers: { cookie } })).text).toBe('[{"count":1},{"level":9}] true')
  })

  it("follows Koa's proxy setting for the address and the encryption of the client", async () => {
    for (const [proxy, expected] of [
      [true, [true, '1.1.1.1']],
      [false, [false, '127.0.0.1']],
    ] as const) {
      const seen: unknown[] = []
      const { connect } = await stage(
        serve(
          (app, sessions) => {
            app.use(koaSessions(sessions))
            app.use((ctx) => {
              ctx.session.data.count = 1
              ctx.body = 'page'
            })
          },
          () => new Koa<Koa.DefaultState, WithSession<Visit>>({ proxy, maxIpsCount: 1 }),
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

  it('shows the rest of the URL under a prefix as what mounts it does, without the token', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        app.use(async (ctx, next) => {
          ctx.url = ctx.url.slice('/shop'.length)
          await next()
        })
        app.use(koaSessions(sessions))
        app.use((ctx) => {
          ctx.body = [ctx.originalUrl, ctx.request.originalUrl, ctx.url, ctx.query]
        })
      }),
      { carriers: [inQuery()] },
    )
    const got = await connect().request('/shop/page?token=secret&a=1')
    expect(JSON.parse(got.text)).toEqual(['/shop/page?a=1', '/shop/page?a=1', '/page?a=1', { a: '1' }])
  })

  it('serves over HTTP/2 as well', async () => {
    const { connect } = await stage(async (sessions) => {
      const app = createKoa()
      app.use(koaSessions(sessions))
      app.use((ctx) => {
        ctx.session.data.count = (ctx.session.data.count ?? 0) + 1
        ctx.body = `count ${ctx.session.data.count}`
      })
      return listen('h2c', (request, response) => void app.callback()(request, response))
    })
    const visitor = createVisitor(connect())
    expect((await visitor.request('/')).cookies).toHaveLength(1)
    expect((await visitor.request('/')).text).toBe('count 2')
  })
})
