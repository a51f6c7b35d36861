import type { NextFunction, Request, RequestHandler, Response } from 'express'
import express from 'express'
import express4 from 'express4'
import { expressSessions } from 'sojourn/express'
import type { Driver, Reply } from '../driver.ts'
import { connectNeighbour } from './neighbours.ts'
import { listen } from './servers.ts'

function expressDriver(name: string, create: () => express.Express): Driver {
  return {
    name,
    start: ({ sessions, handle, form, installed = 1, neighbour }) => {
      const app = create().set('trust proxy', 1).disable('x-powered-by')
      const withSession = expressSessions(sessions)
      if (form) app.use(express.urlencoded({ extended: false }))
      if (neighbour?.place === 'before') app.use(connectNeighbour(neighbour))
      for (let time = 0; time < installed; time++) app.use(time === 0 ? withSession : expressSessions(sessions))
      if (neighbour?.place === 'after') app.use(connectNeighbour(neighbour))
      app.use(
        awaited(async (request, response) => {
          await reply(response, await handle({ session: withSession.of(request), path: request.url }))
        }),
      )
      return listen('http', app)
    },
    startRaw: ({ sessions, handle }) => {
      const app = create().set('trust proxy', 1).disable('x-powered-by')
      const withSession = expressSessions(sessions)
      app.use(withSession)
      app.use(awaited(async (request, response) => handle(request, response, withSession.of(request))))
      return listen('http', app)
    },
  }
}

/** Express 4 does not wait for promises. */
export function awaited(handler: (request: Request, response: Response) => Promise<unknown>): RequestHandler {
  return (request: Request, response: Response, next: NextFunction): void => {
    handler(request, response).catch(next)
  }
}

async function reply(response: Response, { status, headers = {}, body, redirect, stream }: Reply): Promise<void> {
  response.set(headers)
  if (redirect !== undefined) return response.redirect(status ?? 302, redirect)
  response.status(status ?? 200)
  if (stream === undefined) {
    response.send(body)
    return
  }
  for await (const piece of stream) response.write(piece)
  response.end()
}

/** Both major versions; the types are those of the newer one. */
export const expressVersions: readonly { readonly name: string; readonly create: () => express.Express }[] = [
  { name: 'Express 4', create: express4 },
  { name: 'Express 5', create: express },
]

export const expressDrivers: readonly Driver[] = expressVersions.map(({ name, create }) => expressDriver(name, create))
