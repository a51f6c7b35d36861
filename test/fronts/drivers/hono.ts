import { getRequestListener } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context } from 'hono'
import { Hono } from 'hono'
import { compress } from 'hono/compress'
import { stream as streamed } from 'hono/streaming'
import type { ContentfulStatusCode, RedirectStatusCode } from 'hono/utils/http-status'
import type { WithSession } from 'sojourn/hono'
import { honoSessions } from 'sojourn/hono'
import type { Driver, Reply, Running, Visit } from '../driver.ts'
import { listen } from './servers.ts'

export interface VisitEnv {
  Variables: WithSession<Visit>
}

async function reply(c: Context<VisitEnv>, { status, headers = {}, body, redirect, stream }: Reply): Promise<Response> {
  for (const [name, value] of Object.entries(headers)) c.header(name, value)
  if (redirect !== undefined) return c.redirect(redirect, (status ?? 302) as RedirectStatusCode)
  if (stream === undefined) return c.newResponse(body ?? null, (status ?? 200) as ContentfulStatusCode)
  return streamed(c, async (out) => {
    for await (const piece of stream) await out.write(piece)
  })
}

/** Serves it as its own server for Node does, which puts classes of its own in the place of two global ones. */
export async function serveHono(fetch: (request: Request) => Response | Promise<Response>): Promise<Running> {
  const { Request, Response } = globalThis
  const listener = getRequestListener(fetch)
  const running = await listen('http', (request, response) => void listener(request, response))
  return {
    ...running,
    close: async () => {
      await running.close()
      // For the other frameworks that are tested in this process.
      Object.defineProperties(globalThis, {
        Request: { value: Request, configurable: true, writable: true },
        Response: { value: Response, configurable: true, writable: true },
      })
    },
  }
}

const NO_HOOKS = 'a response is a value: middleware changes its headers, and there is no head to hook'

export const honoDriver: Driver = {
  name: 'Hono',
  leavesOut: {
    'a hook of the head before it': NO_HOOKS,
    'a hook of the head after it': NO_HOOKS,
  },
  start: ({ sessions, handle, form = false, installed = 1, neighbour }) => {
    const app = new Hono<VisitEnv>()
    const clientAddress = (c: Context): string | undefined => getConnInfo(c).remote.address
    if (neighbour?.place === 'before') app.use(compress({ threshold: 0 }))
    for (let time = 0; time < installed; time++) app.use(honoSessions(sessions, { trustProxy: 1, form, clientAddress }))
    if (neighbour?.place === 'after') app.use(compress({ threshold: 0 }))
    app.all('*', async (c) => {
      const { pathname, search } = new URL(c.req.url)
      return reply(c, await handle({ session: c.get('session'), path: pathname + search }))
    })
    return serveHono(app.fetch)
  },
}
