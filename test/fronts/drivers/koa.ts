import { Readable } from 'node:stream'
import { bodyParser } from '@koa/bodyparser'
import Koa from 'koa'
import compress from 'koa-compress'
import type { WithSession } from 'sojourn/koa'
import { koaSessions } from 'sojourn/koa'
import type { Driver, Neighbour, Reply, Visit } from '../driver.ts'
import { hookHead } from './neighbours.ts'
import { listen } from './servers.ts'

/** An application behind one proxy, as the tests' clients make believe. */
export function createKoa(): Koa<Koa.DefaultState, WithSession<Visit>> {
  const app = new Koa<Koa.DefaultState, WithSession<Visit>>({ proxy: true, maxIpsCount: 1 })
  app.silent = true
  return app
}

function middlewareOf({ kind }: Neighbour): Koa.Middleware {
  if (kind === 'compression') return compress({ threshold: 0, br: false, deflate: false })
  return async (context, next) => {
    hookHead(context.res)
    await next()
  }
}

function reply(context: Koa.Context, { status, headers = {}, body, redirect, stream }: Reply): void {
  context.set(headers)
  if (status !== undefined) context.status = status
  if (redirect !== undefined) context.redirect(redirect)
  else context.body = stream === undefined ? (body ?? null) : Readable.from(stream)
}

export const koaDriver: Driver = {
  name: 'Koa',
  leavesOutRaw: { 'half a page': 'Koa reports an error after the head and leaves the connection as it is' },
  start: ({ sessions, handle, form, installed = 1, neighbour }) => {
    const app = createKoa()
    if (form) app.use(bodyParser())
    if (neighbour?.place === 'before') app.use(middlewareOf(neighbour))
    for (let time = 0; time < installed; time++) app.use(koaSessions(sessions))
    if (neighbour?.place === 'after') app.use(middlewareOf(neighbour))
    app.use(async (context) => {
      reply(context, await handle({ session: context.session, path: context.url }))
    })
    return listen('http', (request, response) => void app.callback()(request, response))
  },
  startRaw: ({ sessions, handle }) => {
    const app = createKoa()
    app.use(koaSessions(sessions))
    app.use((context) => {
      context.respond = false
      context.res.statusCode = 200
      return Promise.resolve(handle(context.req, context.res, context.session)).then(() => undefined)
    })
    return listen('http', (request, response) => void app.callback()(request, response))
  },
}
