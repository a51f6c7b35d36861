import type { Express, Request, Response } from 'express'
import express from 'express'
import { expressSessions } from 'sojourn/express'
import { describe, expect, it } from 'vitest'
import vhost from 'vhost'
import { createVisitor } from '../fronts/client.ts'
import { expressVersions } from '../fronts/drivers/express.ts'
import { listen } from '../fronts/drivers/servers.ts'
import { stage } from '../fronts/stage.ts'

/** An application of the same version, in which handlers look for `request.session`. */
function inner(create: () => Express): Express {
  const app = create()
  app.use(countVisit)
  return app
}

function countVisit(request: Request, response: Response): void {
  const session: unknown = Reflect.get(request, 'session')
  const data: unknown = Reflect.get(Object(session), 'data')
  const count = Number(Reflect.get(Object(data), 'count') ?? 0) + 1
  Reflect.set(Object(data), 'count', count)
  response.send(`${typeof session} ${count}`)
}

/** The ways in which one application becomes part of another. */
const WAYS: Readonly<Record<string, (outer: Express, app: Express) => unknown>> = {
  'app.use(path, app)': (outer, app) => outer.use('/sub', app),
  'router.use(path, app)': (outer, app) => outer.use(express.Router().use('/sub', app)),
  'a call of it': (outer, app) => outer.use((request, response, next) => void app(request, response, next)),
  vhost: (outer, app) => outer.use(vhost('127.0.0.1', app as never)),
}

describe.each(expressVersions)('$name', ({ create }) => {
  it.each(Object.entries(WAYS))('an application mounted by %s has request.session (F4)', async (_way, mount) => {
    const { connect } = await stage((sessions) => {
      const outer = create().set('trust proxy', 1)
      outer.use(expressSessions(sessions))
      mount(outer, inner(create))
      return listen('http', outer)
    })
    const visitor = createVisitor(connect())
    expect((await visitor.request('/sub/page')).text).toBe('object 1')
    expect((await visitor.request('/sub/page')).text).toBe('object 2')
  })

  it.each(Object.entries(WAYS))(
    'the session cannot be replaced in an application mounted by %s',
    async (_way, mount) => {
      const { connect } = await stage((sessions) => {
        const outer = create()
        outer.use(expressSessions(sessions))
        const app = create()
        app.use((request: Request, response: Response) => {
          try {
            Object.assign(request, { session: null })
            response.send('replaced')
          } catch (error) {
            response.send(String(error))
          }
        })
        mount(outer, app)
        return listen('http', outer)
      })
      expect((await connect().request('/sub')).text).toMatch(/^TypeError: session: it cannot be replaced; .*destroy/)
    },
  )
})
