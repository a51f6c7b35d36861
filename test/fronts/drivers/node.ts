import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { nodeSessions } from 'sojourn/node'
import type { Driver, Neighbour } from '../driver.ts'
import { replyTo } from '../driver.ts'
import { connectNeighbour } from './neighbours.ts'
import type { Kind, Listener } from './servers.ts'
import { listen } from './servers.ts'

const bodies = new WeakMap<IncomingMessage, Readonly<Record<string, string>>>()

/** What a parser of bodies does before. */
function parsed(listener: Listener): Listener {
  return (request, response) => {
    void text(request).then((body) => {
      bodies.set(request, Object.fromEntries(new URLSearchParams(body)))
      listener(request, response)
    })
  }
}

/** Leads a request through middleware as connect does. */
function beside(neighbour: Neighbour | undefined, request: IncomingMessage, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (neighbour === undefined) resolve()
    else void connectNeighbour(neighbour)(request as never, response as never, () => resolve())
  })
}

function nodeDriver(name: string, kind: Kind): Driver {
  const options = kind === 'https' || kind === 'h2' ? {} : { trustProxy: 1 }
  return {
    name,
    leavesOut: {
      'installed twice': 'it wraps one handler: there is nothing to install',
      ...(kind === 'https' && { 'client address': 'it is served without a proxy here, to show that none is needed' }),
    },
    start: ({ sessions, handle, form, neighbour }) => {
      const body = (request: IncomingMessage): Readonly<Record<string, string>> | undefined => bodies.get(request)
      const withSession = nodeSessions(sessions, { ...options, body })
      const inner = neighbour?.place === 'after' ? neighbour : undefined
      const outer = neighbour?.place === 'before' ? neighbour : undefined
      const listener = withSession(async (request, response, session) => {
        await beside(inner, request, response)
        await replyTo(response, await handle({ session, path: request.url ?? '/' }))
      })
      const led: Listener = (request, response) => {
        void beside(outer, request, response).then(() => listener(request, response))
      }
      return listen(kind, form ? parsed(led) : led)
    },
    startRaw: ({ sessions, handle }) => listen(kind, nodeSessions(sessions, options)(handle)),
  }
}

export const nodeDrivers: readonly Driver[] = [
  nodeDriver('node:http', 'http'),
  nodeDriver('node:https', 'https'),
  nodeDriver('node:http2', 'h2c'),
]

/** HTTP/2 for browsers, which do not speak it without TLS. */
export const http2ForBrowsers: Driver = nodeDriver('node:http2', 'h2')
