import { getRequestListener } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context } from 'hono'
import { Hono } from 'hono'
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

export const honoDriver: Driver = {
  name: 'Hono',
  start: ({ sessions, handle, form = false, installed = 1 }) => {
    const app = new Hono<VisitEnv>()
    const clientAddress = (c: Context): string | undefined => getConnInfo(c).remote.address
    for (let time = 0; time < installed; time++) app.use(honoSessions(sessions, { trustProxy: 1, form, clientAddress }))
    app.all('*', async (c) => {
      const { pathname, search } = new URL(c.req.url)
      return reply(c, await handle({ session: c.get('session'), path: pathname + search }))
    })
    return serveHono(app.fetch)
  },
}
