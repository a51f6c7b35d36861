import type { EventHandler, Middleware } from 'h3'
import { H3, HTTPError, onError } from 'h3'
import type { Sessions } from 'sojourn'
import { createSessions } from 'sojourn'
import { h3Sessions } from 'sojourn/h3'
import type { H3Sessions, WithSession } from 'sojourn/h3'
import { memoryStore } from 'sojourn/stores/memory'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { createVisitor } from './client.ts'
import type { Running, Visit } from './driver.ts'
import { serveH3 } from './drivers/h3.ts'
import { stage } from './stage.ts'
import { inQuery } from './table.ts'

declare module 'h3' {
  interface H3EventContext extends WithSession<Visit> {}
}

/** The structural types fit the real ones. */
export const fits = (front: H3Sessions<Visit>): Middleware => front

const serve =
  (build: (app: H3, sessions: Sessions<Visit>) => unknown, config: ConstructorParameters<typeof H3>[0] = {}) =>
  async (sessions: Sessions<Visit>): Promise<Running> => {
    const app = new H3({ silent: true, ...config })
    await build(app, sessions)
    return serveH3(app)
  }

const count: EventHandler = (event) => {
  event.context.session.data.count = (event.context.session.data.count ?? 0) + 1
  return `count ${event.context.session.data.count}`
}

describe('h3Sessions', () => {
  it('puts the same session into the context, sessions.current and of, and lets nobody replace it', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        const useVisit = h3Sessions(sessions)
        app.use(useVisit)
        app.get('/', (event) => {
          expectTypeOf(event.context.session.data).toEqualTypeOf<Visit>()
          return [event.context.session === useVisit.of(event), sessions.current() === useVisit.of(event)]
        })
        app.get('/replace', (event) => Object.assign(event.context, { session: null }))
      }),
    )
    const client = connect()
    expect((await client.request('/')).text).toBe('[true,true]')
    expect((await client.request('/replace')).status).toBe(500)
  })

  it('tells who reads a session without the middleware what to do', () => {
    const sessions = createSessions<Visit>({ store: memoryStore() })
    expect(() => h3Sessions(sessions).of({ context: {} })).toThrow(/app\.use/)
  })

  it('STORE-2: gives a failed save to onError, whose page has no header of the one that was not saved', async () => {
    const told: unknown[] = []
    const cancelled: unknown[] = []
    const { connect, watched } = await stage(
      serve(
        (app, sessions) => {
          app.use(h3Sessions(sessions))
          app.get('/', (event) => {
            event.context.session.data.count = 1
            event.res.headers.set('x-page', '1')
            event.res.headers.append('set-cookie', 'page=1')
            const cancel = (reason: unknown): unknown => cancelled.push(reason)
            return new ReadableStream({ cancel: (reason) => void cancel(reason) })
          })
        },
        {
          onError: (error, event) => {
            told.push(error.status)
            event.res.status = error.status
            return { sorry: (error.cause as { code?: string }).code }
          },
        },
      ),
    )
    watched.fail('insert')
    const got = await connect().request('/')
    expect([got.status, got.text]).toEqual([503, '{"sorry":"store-unavailable"}'])
    expect([got.all('x-page'), got.cookies]).toEqual([[], []])
    expect([told, cancelled.length]).toEqual([[503], 1])
    // Tried, looked for, and tried once more.
    expect(watched.calls()).toEqual(['insert', 'get', 'insert'])
  })

  it('Y37: what a handler changed before it threw is saved, whoever makes the page of it', async () => {
    const { connect } = await stage(
      serve(
        (app, sessions) => {
          app.use(h3Sessions(sessions))
          app.use(
            '/caught',
            onError(() => new Response('caught', { status: 500 })),
          )
          app.all('/**', (event) => {
            if (event.url.pathname === '/read') return event.context.session.data
            count(event)
            throw new HTTPError({ status: 418, headers: { Vary: 'Accept' } })
          })
        },
        { onError: (_error, event) => (event.url.pathname === '/page' ? new Response('sorry') : undefined) },
      ),
    )
    const visitor = createVisitor(connect())
    const first = await visitor.request('/')
    expect([first.status, first.cookies.length]).toEqual([418, 1])
    expect([first.all('cache-control'), first.all('vary')]).toEqual([['private, no-store'], ['Accept, cookie']])
    for (const [path, text] of [
      ['/page', 'sorry'],
      ['/caught', 'caught'],
    ] as const) {
      const got = await visitor.request(path)
      expect([got.text, got.all('cache-control')], path).toEqual([text, ['private, no-store']])
    }
    expect((await visitor.request('/read')).text).toBe('{"count":3}')
  })

  it('VULN-12: lays the headers of the session over those of whatever a handler returns, on any runtime', async () => {
    const sessions = createSessions<Visit>({ store: memoryStore() })
    const headers = { 'Cache-Control': 'public, max-age=60', Vary: 'Accept' }
    const app = new H3({ silent: true }).use(h3Sessions(sessions))
    const constant = new Response(null, { headers })
    const returned: Readonly<Record<string, () => unknown>> = {
      constant: () => constant,
      response: () => new Response('page', { headers }),
      failed: () => new Response('page', { headers, status: 500 }),
      stream: () => new Response('page', { headers }).body,
      nothing: () => undefined,
      null: () => null,
      error: () => new HTTPError({ status: 400, headers }),
    }
    app.all('/:kind', (event) => {
      count(event)
      return returned[event.context.params?.kind ?? '']?.()
    })
    for (const kind of [...Object.keys(returned), 'constant', 'deep/er']) {
      const got = await app.request(`https://localhost/${kind}`)
      if (kind === 'deep/er') expect(got.status).toBe(404)
      else
        expect([got.headers.getSetCookie().length, got.headers.get('cache-control')], kind).toEqual([
          1,
          'private, no-store',
        ])
    }
    const got = await app.request('https://localhost/response')
    expect(got.headers.get('vary')).toBe('Accept, cookie')
    expect(constant.headers.getSetCookie()).toEqual([])
    await sessions.close()
  })

  it('loads once where applications are mounted that have it too, and shows each its part of the URL', async () => {
    const { connect, watched } = await stage(
      serve((app, sessions) => {
        const shop = new H3()
        shop.use(h3Sessions(sessions))
        shop.use((event) => {
          event.context.seen = event.url.pathname + event.url.search
        })
        shop.get('/cart', (event) => [
          count(event),
          event.context.seen,
          event.url.search,
          new URL(event.req.url).search,
        ])
        app.mount('/shop', shop)
        app.use(h3Sessions(sessions))
        app.get('/**', count)
      }),
      { carriers: [inQuery()] },
    )
    const client = connect()
    const token = (await client.request('/')).all('x-token')[0] ?? ''
    watched.forget()
    const got = await client.request(`/shop/cart?token=${token}&a=1`)
    expect(JSON.parse(got.text)).toEqual(['count 2', '/cart?a=1', '?a=1', '?a=1'])
    expect(watched.calls()).toEqual(['get', 'update'])
  })

  it('serves two managers side by side, each with a cookie of its own', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        const admins = createSessions<{ level?: number }>({
          store: memoryStore(),
          cookie: { name: '__Host-admin' },
          initial: () => ({}),
        })
        const [useVisit, useLevel] = [h3Sessions(sessions), h3Sessions(admins)]
        app.use(useVisit).use(useLevel)
        app.get('/', (event) => {
          const seen = JSON.stringify([useVisit.of(event).data, useLevel.of(event).data])
          useVisit.of(event).data.count = 1
          useLevel.of(event).data.level = 9
          return `${seen} ${event.context.session === useVisit.of(event)}`
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
        app.use(h3Sessions(sessions, { form: true }))
        app.post('/', async (event) => event.req.text())
      }),
    )
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await connect().request('/', { method: 'POST', headers, body: 'a=1' })).text).toBe('a=1')
  })
})
