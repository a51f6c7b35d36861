import type { NextFunction, Request, RequestHandler, Response } from 'express'
import express from 'express'
import type { Carrier, Session, Sessions } from 'sojourn'
import { createSessions } from 'sojourn'
import { expressSessions } from 'sojourn/express'
import type { ExpressSessions } from 'sojourn/express'
import { memoryStore } from 'sojourn/stores/memory'
import { describe, expect, it } from 'vitest'
import { createVisitor } from './client.ts'
import type { Running, Visit } from './driver.ts'
import { awaited, expressVersions } from './drivers/express.ts'
import { listen } from './drivers/servers.ts'
import { stage } from './stage.ts'
import { settle } from './table.ts'
import { watchedStore } from './watched-store.ts'

/** The structural types fit the real ones. */
export const fits = (front: ExpressSessions<Visit>): RequestHandler => front

function sessionOn(request: Request): Session<Visit> {
  return (request as Request & { session: Session<Visit> }).session
}

describe.each([...expressVersions])('expressSessions for $name', ({ create }) => {
  const serve =
    (build: (app: express.Express, sessions: Sessions<Visit>) => void) =>
    (sessions: Sessions<Visit>): Promise<Running> => {
      const app = create()
      app.set('trust proxy', 1)
      build(app, sessions)
      return listen('http', app)
    }

  it('puts the same session on the request and into sessions.current and of', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        const withSession = expressSessions(sessions)
        app.use(withSession)
        app.get('/', (request, response) => {
          const session = withSession.of(request)
          response.send(`${session === sessionOn(request)} ${session === sessions.current()}`)
        })
      }),
    )
    expect((await connect().request('/')).text).toBe('true true')
  })

  it('lets nobody replace the session, and says what to do instead; where it is not installed the name is free', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        const replace = (request: Request, response: Response): void => {
          try {
            Object.assign(request, { session: { of: 'another library' } })
            response.send(JSON.stringify(sessionOn(request)))
          } catch (error) {
            response.send(String(error))
          }
        }
        const withSession = expressSessions(sessions)
        app.get('/ours', withSession, replace)
        app.get('/theirs', replace)
      }),
    )
    const client = connect()
    expect((await client.request('/ours')).text).toMatch(/^TypeError: session: it cannot be replaced; .*destroy/)
    expect((await client.request('/theirs')).text).toBe('{"of":"another library"}')
  })

  it('leaves the name to a library that has it on the request already', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        const withSession = expressSessions(sessions)
        app.use((request, _response, next) => {
          Object.assign(request, { session: 'theirs' })
          next()
        })
        app.use(withSession)
        app.get('/', (request, response) => {
          response.send([sessionOn(request), withSession.of(request).isNew])
        })
      }),
    )
    expect((await connect().request('/')).text).toBe('["theirs",true]')
  })

  it('tells who reads a session without the middleware what to do', async () => {
    const { sessions } = await stage(serve(() => undefined))
    expect(() => expressSessions(sessions).of({})).toThrow(/app\.use/)
  })

  it('Y22: a hot reload or a second installation leaves one store, one load and one save for each request', async () => {
    const watched = watchedStore()
    let opened = 0
    const setUp = (): Sessions<Visit> =>
      createSessions<Visit>({
        name: `reloaded ${create.name} ${expressVersions.findIndex((version) => version.create === create)}`,
        store: () => {
          opened++
          return watched.store
        },
        initial: () => ({}),
      })
    const { connect } = await stage(async () => {
      const app = create()
      app.set('trust proxy', 1)
      // What a bundler's hot reload does: the set-up module runs again, and installs its middleware again.
      app.use(expressSessions(setUp()))
      app.use(expressSessions(setUp()))
      app.use('/nested', expressSessions(setUp()))
      app.use((request: Request, response: Response) => {
        const { data } = sessionOn(request)
        data.count = (data.count ?? 0) + 1
        response.send(`count ${data.count}`)
      })
      return listen('http', app)
    })
    const visitor = createVisitor(connect())
    await visitor.request('/')
    expect(watched.calls()).toEqual(['insert'])
    watched.forget()
    const got = await visitor.request('/nested')
    expect([got.text, got.cookies]).toEqual(['count 2', []])
    expect(watched.calls()).toEqual(['get', 'update'])
    setUp()
    expect((await visitor.request('/')).text).toBe('count 3')
    expect(opened).toBe(1)
    await setUp().close()
  })

  it('serves two managers side by side, each with a cookie of its own', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        const admins = createSessions<{ level?: number }>({
          store: memoryStore(),
          cookie: { name: '__Host-admin' },
          initial: () => ({}),
        })
        const [withVisit, withAdmin] = [expressSessions(sessions), expressSessions(admins)]
        app.use(withVisit, withAdmin)
        app.get('/', (request, response) => {
          const seen = JSON.stringify([withVisit.of(request).data, withAdmin.of(request).data])
          withVisit.of(request).data.count = 1
          withAdmin.of(request).data.level = 9
          response.send(`${seen} ${sessionOn(request) === withVisit.of(request)}`)
        })
      }),
    )
    const client = connect()
    const got = await client.request('/')
    expect([got.text, got.cookies.length]).toEqual(['[{},{}] true', 2])
    const cookie = got.cookies.map((line) => line.split(';')[0]).join('; ')
    expect((await client.request('/', { headers: { cookie } })).text).toBe('[{"count":1},{"level":9}] true')
  })

  it('does not let the session be replaced by accident', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        app.use(expressSessions(sessions))
        app.get('/', (request) => {
          Object.assign(request, { session: null })
        })
      }),
    )
    expect((await connect().request('/')).status).toBe(500)
  })

  it('STORE-2: gives a failed save to the error handlers of the application, once, with a response they can use', async () => {
    const errors: unknown[] = []
    const { connect, watched } = await stage(
      serve((app, sessions) => {
        const withSession = expressSessions(sessions)
        app.use((_request: Request, response: Response, next: NextFunction) => {
          response.set('X-Before', 'kept')
          next()
        })
        app.use(withSession)
        app.get('/', (request, response) => {
          withSession.of(request).data.count = 1
          response.status(201).set('X-Page', '1').cookie('page', '1').json({ page: true })
        })
        app.use(
          (
            error: Error & { status?: number; code?: string },
            _request: Request,
            response: Response,
            _next: NextFunction,
          ) => {
            errors.push([error.status, error.code])
            response.status(error.status ?? 500).json({ sorry: true })
          },
        )
      }),
    )
    watched.fail('insert')
    const got = await connect().request('/')
    expect([got.status, got.text]).toEqual([503, '{"sorry":true}'])
    expect([got.all('x-before'), got.all('x-page'), got.cookies]).toEqual([['kept'], [], []])
    expect(errors).toEqual([[503, 'store-unavailable']])
    // Tried, looked for, and tried once more.
    expect(watched.calls()).toEqual(['insert', 'get', 'insert'])
  })

  it('STORE-2: an error handler that takes its time is not overtaken by a handler that goes on with its page', async () => {
    const { connect, watched } = await stage(
      serve((app, sessions) => {
        const withSession = expressSessions(sessions)
        app.use(withSession)
        app.use(
          awaited(async (request, response) => {
            withSession.of(request).data.count = 1
            await new Promise((resolve) => response.write('page', resolve))
            response.write('more page')
            if (request.path === '/ends') response.end('end of page')
          }),
        )
        app.use((_error: unknown, _request: Request, response: Response, _next: NextFunction) => {
          void settle().then(() => {
            if (!response.headersSent) response.status(503).send('sorry')
          })
        })
      }),
    )
    watched.fail('insert')
    const slow = await connect().request('/')
    expect([slow.status, slow.text]).toEqual([503, 'sorry'])
    const ended = await connect().request('/ends')
    expect([ended.status, ended.text]).toEqual([503, 'Service Unavailable'])
  })

  it('STORE-1: gives a failed load to the error handlers, and no handler of a page is called', async () => {
    const { connect, watched } = await stage(
      serve((app, sessions) => {
        const withSession = expressSessions(sessions)
        app.use(withSession)
        app.get('/', (request, response) => {
          withSession.of(request).data.count = 1
          response.send('page')
        })
        app.use((error: Error & { code?: string }, _request: Request, response: Response, _next: NextFunction) => {
          response.status(500).send(`error ${error.code}`)
        })
      }),
    )
    const visitor = createVisitor(connect())
    await visitor.request('/')
    watched.fail('get')
    const got = await visitor.request('/')
    expect([got.status, got.text, got.cookies]).toEqual([500, 'error store-unavailable', []])
  })

  it('Y37: saves what a handler changed before it threw, and error handlers of the application can go on with it', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        const withSession = expressSessions(sessions)
        app.use(withSession)
        app.get('/throw', (request) => {
          withSession.of(request).data.count = 50
          throw new Error('broken on purpose')
        })
        app.get(
          '/reject',
          awaited(async (request) => {
            withSession.of(request).data.name = 'kept'
            throw new Error('broken on purpose')
          }),
        )
        app.get('/', (request, response) => {
          response.json(withSession.of(request).data)
        })
        app.use((_error: unknown, request: Request, response: Response, _next: NextFunction) => {
          withSession.of(request).data.a = 1
          response.status(500).send('sorry')
        })
      }),
    )
    const visitor = createVisitor(connect())
    for (const path of ['/throw', '/reject']) expect((await visitor.request(path)).text).toBe('sorry')
    expect(JSON.parse((await visitor.request('/')).text)).toEqual({ count: 50, name: 'kept', a: 1 })
  })

  it('answers a page that the browser has already with 304, still marked as private', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        const withSession = expressSessions(sessions)
        app.use(withSession)
        app.get('/', (request, response) => {
          withSession.of(request).data.count = (withSession.of(request).data.count ?? 0) + 1
          response.send('always the same')
        })
      }),
    )
    const visitor = createVisitor(connect())
    const [etag = ''] = (await visitor.request('/')).all('etag')
    const got = await visitor.request('/', { headers: { 'if-none-match': etag } })
    expect([got.status, got.text]).toEqual([304, ''])
    expect(got.all('cache-control')).toEqual(['private, no-store'])
  })

  it('takes a token out of the URL that handlers, nested routers and logs see, and reads forms parsed before', async () => {
    const fields: unknown[] = []
    const odd: Carrier = {
      name: 'odd',
      isFallback: false,
      carriesSubjects: true,
      vary: [],
      read: (facts) => {
        fields.push(facts.field?.('token'))
        return []
      },
      hand: () => ({}),
      clear: () => ({}),
      strip: (url) => url.replace(/([?&])token=\w+&?/, '$1').replace(/[?&]$/, ''),
    }
    const { connect } = await stage(
      serve((app, sessions) => {
        app.use(express.urlencoded({ extended: false }))
        const nested = express.Router()
        nested.use(expressSessions(sessions))
        nested.use((request: Request, response: Response) => {
          response.json([request.originalUrl, request.url, request.query])
        })
        app.use('/shop', nested)
      }),
      { carriers: [odd] },
    )
    const client = connect()
    const got = await client.request('/shop/page?token=secret&a=1', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'token=abc',
    })
    expect(JSON.parse(got.text)).toEqual(['/shop/page?a=1', '/page?a=1', { a: '1' }])
    expect(fields).toEqual(['abc'])
    expect(JSON.parse((await client.request('/shop?token=secret')).text)).toEqual(['/shop', '/', {}])
    expect(JSON.parse((await client.request('/shop?b=2')).text)).toEqual(['/shop?b=2', '/?b=2', { b: '2' }])
  })

  it('follows the setting trust proxy for the address and the encryption of the client', async () => {
    const seen: unknown[] = []
    const { connect } = await stage(
      serve((app, sessions) => {
        app.use((request: Request, _response: Response, next: NextFunction) => {
          if (request.query.trust !== '1') app.disable('trust proxy')
          next()
        })
        const withSession = expressSessions(sessions)
        app.use(withSession)
        app.use((request: Request, response: Response) => {
          withSession.of(request).data.count = 1
          response.end()
        })
      }),
      {
        bind: (facts) => {
          seen.push([facts.secure, facts.clientAddress])
          return undefined
        },
      },
    )
    for (const path of ['/?trust=1', '/?trust=0'])
      await connect().request(path, { headers: { 'x-forwarded-for': '6.6.6.6, 1.1.1.1' } })
    expect(seen).toEqual([
      [true, '1.1.1.1'],
      [false, '127.0.0.1'],
    ])
  })

  it('gives the answer of the session instead of calling the application', async () => {
    const { connect } = await stage(
      serve((app, sessions) => {
        app.use(expressSessions(sessions))
        app.use((_request: Request, response: Response) => {
          response.send('page')
        })
      }),
      { refusal: { answer: 'message' } },
    )
    const got = await connect().request('/', { headers: { cookie: `__Host-id=${'A'.repeat(46)}` } })
    expect([got.status, got.text]).toEqual([200, 'Session expired'])
  })
})
