import { Server } from 'node:http'
import type { H3, H3Event } from 'h3'
import { serve } from 'h3'
import { LISTEN, listening } from './serve.ts'
import { LOST, pageOf, type Visit } from './visit.ts'

/** h3 on Node, with its own server adapter. */
export async function h3Server(app: H3): Promise<Server> {
  const running = serve(app, { port: LISTEN.port, hostname: LISTEN.host, silent: true, gracefulShutdown: false })
  await running.ready()
  const server = running.node?.server
  if (!(server instanceof Server)) throw new Error('h3 made no HTTP/1 server')
  return listening(server)
}

/** The page of a session, or 409 when there is none. */
export function answer(event: H3Event, visit: Visit | undefined): string {
  if (visit === undefined) event.res.status = 409
  return visit === undefined ? LOST : pageOf(visit)
}
