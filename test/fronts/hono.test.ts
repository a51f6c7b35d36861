import type { MiddlewareHandler } from 'hono'
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { Sessions } from 'sojourn'
import { createSessions } from 'sojourn'
import { honoSessions } from 'sojourn/hono'
import type { HonoSessions, WithSession } from 'sojourn/hono'
import { memoryStore } from 'sojourn/stores/memory'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it, vi } from 'vitest'
import { createVisitor } from './client.ts'
import type { Running, Visit } from './driver.ts'
import type { VisitEnv } from './drivers/hono.ts'
import { serveHono } from './drivers/hono.ts'
import { stage } from './stage.ts'

/** The structural types fit the real ones, with typed variables and without. */
export const fits = (front: HonoSessions<Visit>): MiddlewareHandler<VisitEnv> => front
export const fitsAll = (front: HonoSessions<Visit>): MiddlewareHandler => front

beforeAll(() => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
})
afterAll(() => {
  vi.restoreAllMocks()
})

const serve =
  (build: (app: Hono<VisitEnv>, sessions: Sessions<Visit>) => unknown) =>
  async (sessions: Sessions<Visit>): Promise<Running> => {
    const app = new Hono<VisitEnv>()
    await build(app, sessions)
    return serveHono(app.fetch)
  }

const trusting = { trustProxy: 1 }

describe('honoSessions', () => {
  it('puts the same session under c.get and into sessions.current and of', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        const withSession = honoSessions(sessions)
        app.use(withSession)
        app.get('/', (c) => {
          expectTypeOf(c.get('session').data).toEqualTypeOf<Visit>()
          expectTypeOf(c.var.session).toEqualTypeOf<WithSession<Visit>['session']>()
          const session = withSession.of(c)
          return c.json([c.get('session') === session, c.var.session === session, sessions.current() === session])
        })
      }),
    )
    expect((await connect().request('/')).text).toBe('[true,true,true]')
  })

  it('tells who reads a session without the middleware what to do', () => {
    const sessions = createSessions<Visit>({ store: memoryStore() })
    expect(() => honoSessions(sessions).of({})).toThrow(/app\.use/)
  })

  it('STORE-2: gives a failed save to onError, whose page has no header of the one that was not saved', async () => {
    const cancelled: unknown[] = []
    const { connect, watched } = await stage(
      serve((app, sessions) => {
        app.onError((error, c) => {
          c.header('x-error', '1')
          return c.json(
            { sorry: (error as { code?: string }).code, status: (error as { status?: number }).status },
            503,
          )
        })
        app.use(honoSessions(sessions, trusting))
        app.get('/', (c) => {
          c.get('session').data.count = 1
          c.header('x-page', '1')
          c.header('set-cookie', 'page=1')
          const cancel = (reason: unknown): unknown => cancelled.push(reason)
          return c.body(new ReadableStream({ cancel: (reason) => void cancel(reason) }), 201, { etag: '"page"' })
        })
      }),
    )
    watched.fail('insert')
    const got = await connect().request('/')
    expect([got.status, got.text]).toEqual([503, '{"sorry":"store-unavailable","status":503}'])
    expect([got.all('x-error'), got.all('x-page'), got.all('etag'), got.cookies]).toEqual([['1'], [], [], []])
    expect(got.all('content-type')).toEqual(['application/json'])
    // Tried, looked for, and tried once more.
    expect(watched.calls()).toEqual(['insert', 'get', 'insert'])
    expect(cancelled).toHaveLength(1)
  })

  it('Y37: what a handler changed before it threw is saved, whoever makes the page of it', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        app.use(honoSessions(sessions, trusting))
        app.get('/exception', (c) => {
          c.get('session').data.count = 1
          throw new HTTPException(418, { message: 'a teapot' })
        })
        app.get('/odd', (c) => {
          c.get('session').data.name = 'odd'
          // oxlint-disable-next-line typescript/only-throw-error -- Hono hands on what is no Error
          throw 'broken on purpose'
        })
        const shop = new Hono<VisitEnv>()
        shop.onError((_error, c) => c.text('closed', 500))
        shop.get('/', (c) => {
          c.get('session').data.a = 1
          throw new Error('broken on purpose')
        })
        app.route('/shop', shop)
        app.get('/', (c) => c.json(c.get('session').data))
      }),
    )
    const visitor = createVisitor(connect())
    const got = await visitor.request('/exception')
    expect([got.status, got.text, got.cookies.length]).toEqual([418, 'a teapot', 1])
    expect((await visitor.request('/odd')).status).toBe(500)
    expect((await visitor.request('/shop')).text).toBe('closed')
    expect(JSON.parse((await visitor.request('/')).text)).toEqual({ count: 1, name: 'odd', a: 1 })
  })

  it("VULN-12: gives Hono's own page for what is not found a session, and changes no response that others get too", async () => {
    const constant = new Response(null, { headers: { 'Cache-Control': 'public' } })
    const { connect } = await stage(
      serve((app, sessions) => {
        app.use(honoSessions(sessions, trusting))
        app.use(async (c, next) => {
          if (!c.req.path.startsWith('/plain')) c.get('session').data.count = 1
          await next()
        })
        app.get('/plain', () => constant)
        app.get('/constant', () => constant)
        app.get('/redirect', () => Response.redirect('https://example.org/'))
      }),
    )
    const client = connect()
    const missing = await client.request('/nowhere')
    expect([missing.status, missing.cookies.length]).toEqual([404, 1])
    for (const path of ['/constant', '/redirect', '/constant']) {
      const got = await client.request(path)
      expect([got.cookies.length, got.all('cache-control')], path).toEqual([1, ['private, no-store']])
    }
    const plain = await client.request('/plain')
    expect([plain.cookies, plain.all('cache-control')]).toEqual([[], ['public']])
  })

  it('serves two managers side by side, each with a cookie of its own', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        const admins = createSessions<{ level?: number }>({
          store: memoryStore(),
          cookie: { name: '__Host-admin' },
          initial: () => ({}),
        })
        const [visits, levels] = [honoSessions(sessions, trusting), honoSessions(admins, trusting)]
        app.use(visits, levels)
        app.get('/', (c) => {
          const seen = JSON.stringify([visits.of(c).data, levels.of(c).data])
          visits.of(c).data.count = 1
          levels.of(c).data.level = 9
          return c.text(`${seen} ${c.get('session') === visits.of(c)}`)
        })
      }),
    )
    const client = connect()
    const got = await client.request('/')
    expect([got.text, got.cookies.length]).toEqual(['[{},{}] true', 2])
    const cookie = got.cookies.map((line) => line.split(';')[0]).join('; ')
    expect((await client.request('/', { headers: { cookie } })).text).toBe('[{"count":1},{"level":9}] true')
  })

  it('leaves a form that it has read to the handler', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        app.use(honoSessions(sessions, { form: true }))
        app.post('/', async (c) => c.json(await c.req.parseBody()))
      }),
    )
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await connect().request('/', { method: 'POST', headers, body: 'a=1' })).text).toBe('{"a":"1"}')
  })
})
