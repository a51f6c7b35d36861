import { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { LISTEN, listening } from './serve.ts'

/** Hono on Node, with its own server adapter. */
export function honoServer(app: { fetch: Parameters<typeof serve>[0]['fetch'] }): Promise<Server> {
  const server = serve({ fetch: app.fetch, port: LISTEN.port, hostname: LISTEN.host })
  if (!(server instanceof Server)) throw new Error('@hono/node-server made no HTTP/1 server')
  return listening(server)
}
