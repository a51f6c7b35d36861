import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fetchSessions } from 'sojourn/fetch'
import type { Driver, Reply } from '../driver.ts'
import { listen } from './servers.ts'

/** Serves a fetch-style handler over node:http, as the adapters of the frameworks do. */
export function serveFetch(
  handler: (request: Request) => Promise<Response>,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    answer(handler, request, response).catch(() => {
      if (!response.headersSent) response.statusCode = 500
      response.end()
    })
  }
}

async function answer(
  handler: (request: Request) => Promise<Response>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const headers = new Headers()
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value)
  }
  const hasBody = incoming.method !== 'GET' && incoming.method !== 'HEAD'
  const body = hasBody ? new Response(Readable.toWeb(incoming) as ReadableStream).body : null
  const request = new Request(new URL(incoming.url ?? '/', 'http://localhost'), {
    method: incoming.method ?? 'GET',
    headers,
    body,
    ...(hasBody && { duplex: 'half' }),
  })
  const response = await handler(request)
  outgoing.writeHead(response.status, [...response.headers].flat())
  if (response.body === null) outgoing.end()
  else await pipeline(Readable.fromWeb(response.body as never), outgoing)
}

function toResponse({ status = 200, headers = {}, body, redirect, stream }: Reply): Response {
  if (redirect !== undefined) return Response.redirect(new URL(redirect, 'http://localhost'), 302)
  const content = stream === undefined ? (body ?? null) : (Readable.toWeb(Readable.from(stream)) as ReadableStream)
  return new Response(status === 304 || status === 204 ? null : content, { status, headers })
}

const ALONE = 'it wraps one handler: there is no other middleware'

export const fetchDrivers: readonly Driver[] = [
  {
    name: 'fetch',
    leavesOut: {
      'compression before it': ALONE,
      'compression after it': ALONE,
      'a hook of the head before it': ALONE,
      'a hook of the head after it': ALONE,
      'installed twice': 'it wraps one handler: there is nothing to install',
      'error page': 'it has no page for errors: without `onError`, what a handler throws goes on to the server',
      'several tokens': 'as for the error page',
    },
    start: ({ sessions, handle, form = false }) =>
      listen(
        'http',
        serveFetch(
          fetchSessions(sessions, { trustProxy: 1, form })(async (request, session) => {
            const { pathname, search } = new URL(request.url)
            return toResponse(await handle({ session, path: pathname + search }))
          }),
        ),
      ),
  },
]
