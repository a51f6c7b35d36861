import { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { H3Event } from 'h3'
import { H3, fromNodeHandler, redirect as redirectTo, serve } from 'h3'
import { h3Sessions } from 'sojourn/h3'
import type { Driver, Reply, Running } from '../driver.ts'
import { hookHead } from './neighbours.ts'

function reply(event: H3Event, { status, headers = {}, body, redirect, stream }: Reply): unknown {
  for (const [name, value] of Object.entries(headers)) event.res.headers.set(name, value)
  if (redirect !== undefined) return redirectTo(redirect, status ?? 302)
  if (status !== undefined) event.res.status = status
  return stream === undefined ? (body ?? null) : Readable.toWeb(Readable.from(stream))
}

/** Serves it on a free port, behind one proxy, as the tests' clients make believe. */
export async function serveH3(app: H3): Promise<Running> {
  const options = {
    port: 0,
    hostname: '127.0.0.1',
    trustProxy: 'loopback',
    silent: true,
    gracefulShutdown: false,
  } as const
  const server = await serve(app, options).ready()
  const endpoint = { protocol: 'http', port: Number(new URL(server.url ?? '').port) } as const
  return { endpoint, close: () => server.close(true) }
}

const NO_COMPRESSION = 'it has no middleware that compresses: the server or proxy in front of it does'

/** Of Node's response, beneath what h3 itself makes of it. */
function hook({ runtime }: H3Event): void {
  const response: unknown = runtime?.node?.res
  if (isNodes(response)) hookHead(response)
}

function isNodes(response: unknown): response is ServerResponse {
  return response instanceof ServerResponse
}

export const h3Driver: Driver = {
  name: 'h3',
  leavesOut: {
    'compression before it': NO_COMPRESSION,
    'compression after it': NO_COMPRESSION,
  },
  leavesOutRaw: { 'half a page': "h3 ends a response whose handler of Node's kind throws after the head" },
  start: ({ sessions, handle, form = false, installed = 1, neighbour }) => {
    const app = new H3({ silent: true })
    const useVisit = h3Sessions(sessions, { form })
    if (neighbour?.place === 'before') app.use(hook)
    for (let time = 0; time < installed; time++) app.use(time === 0 ? useVisit : h3Sessions(sessions))
    if (neighbour?.place === 'after') app.use(hook)
    app.all('/**', async (event) =>
      reply(event, await handle({ session: useVisit.of(event), path: event.url.pathname + event.url.search })),
    )
    return serveH3(app)
  },
  startRaw: ({ sessions, handle }) => {
    const app = new H3({ silent: true })
    const useVisit = h3Sessions(sessions)
    app.use(useVisit)
    app.all('/**', (event) =>
      fromNodeHandler((request, response) => handle(request as never, response as never, useVisit.of(event)))(event),
    )
    return serveH3(app)
  },
}
