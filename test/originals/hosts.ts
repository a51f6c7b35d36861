import type { IncomingMessage, ServerResponse } from 'node:http'
import express from 'express'
import express4 from 'express4'
import type { Servers } from 'sojourn/originals/webstack'
import { serveFetch } from '../fronts/drivers/fetch.ts'
import { listen } from './web.ts'

/** Puts an original's application on a real server; gives its address. */
export type Host = (servers: Servers) => Promise<string>

/** The servers that every original's application runs on unchanged. */
export const hosts: Readonly<Record<string, Host>> = {
  'node:http': ({ node }) => listen(node),
  'Express 5': (servers) => listen(application(express(), servers)),
  'Express 4': (servers) => listen(application(express4(), servers)),
  'Express 5 behind its own form parser': (servers) => {
    const app = express()
    app.use(express.urlencoded({ extended: true }))
    return listen(application(app, servers))
  },
  fetch: ({ fetch }) => listen(serveFetch(fetch)),
}

function application(
  app: ReturnType<typeof express>,
  servers: Servers,
): (request: IncomingMessage, response: ServerResponse) => void {
  app.use(servers.express)
  const onError = (error: { status?: number }, _: unknown, response: ServerResponse, __: unknown): void => {
    response.statusCode = error.status ?? 500
    response.end('Express answers')
  }
  app.use(onError)
  return app
}
