import { nodeSessions } from 'sojourn/node'
import type { Driver } from '../driver.ts'
import { replyTo } from '../driver.ts'
import type { Kind } from './servers.ts'
import { listen } from './servers.ts'

function nodeDriver(name: string, kind: Kind): Driver {
  const options = kind === 'https' ? {} : { trustProxy: 1 }
  return {
    name,
    start: ({ sessions, handle }) =>
      listen(
        kind,
        nodeSessions(
          sessions,
          options,
        )(async (request, response, session) => {
          await replyTo(response, await handle({ session, path: request.url ?? '/' }))
        }),
      ),
    startRaw: ({ sessions, handle }) => listen(kind, nodeSessions(sessions, options)(handle)),
  }
}

export const nodeDrivers: readonly Driver[] = [
  nodeDriver('node:http', 'http'),
  nodeDriver('node:https', 'https'),
  nodeDriver('node:http2', 'h2c'),
]
