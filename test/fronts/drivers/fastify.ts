import { Readable } from 'node:stream'
import compress from '@fastify/compress'
import formbody from '@fastify/formbody'
import type { FastifyInstance, FastifyReply } from 'fastify'
import fastify from 'fastify'
import type { WithSession } from 'sojourn/fastify'
import { fastifySessions } from 'sojourn/fastify'
import type { Driver, Neighbour, Reply, Running, Visit } from '../driver.ts'
import { hookHead } from './neighbours.ts'

declare module 'fastify' {
  interface FastifyRequest extends WithSession<Visit> {}
}

function reply(reply: FastifyReply, { status, headers = {}, body, redirect, stream }: Reply): unknown {
  reply.headers(headers)
  if (redirect !== undefined) return reply.redirect(redirect, status ?? 302)
  return reply.code(status ?? 200).send(stream === undefined ? body : Readable.from(stream))
}

/** An application behind one proxy, as the tests' clients make believe. */
export function createFastify(): FastifyInstance {
  return fastify({ trustProxy: '127.0.0.1', forceCloseConnections: true })
}

async function addNeighbour(app: FastifyInstance, { kind }: Neighbour): Promise<void> {
  if (kind === 'compression') {
    await app.register(compress, { threshold: 0, encodings: ['gzip'] })
    return
  }
  app.addHook('onRequest', async (_request, { raw }) => hookHead(raw))
}

/** Serves it on a free port. */
export async function serveFastify(app: FastifyInstance): Promise<Running> {
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  return { endpoint: { protocol: 'http', port: Number(new URL(address).port) }, close: () => app.close() }
}

export const fastifyDriver: Driver = {
  name: 'Fastify',
  start: async ({ sessions, handle, form = false, installed = 1, neighbour }) => {
    const app = createFastify()
    if (form) await app.register(formbody)
    if (neighbour?.place === 'before') await addNeighbour(app, neighbour)
    for (let time = 0; time < installed; time++) await app.register(fastifySessions(sessions, { form }))
    if (neighbour?.place === 'after') await addNeighbour(app, neighbour)
    app.all('*', async (request, out) => reply(out, await handle({ session: request.session, path: request.url })))
    return serveFastify(app)
  },
  startRaw: async ({ sessions, handle }) => {
    const app = createFastify()
    await app.register(fastifySessions(sessions))
    app.all('*', async (request, out) => {
      await handle(request.raw, out.raw, request.session)
      return out
    })
    return serveFastify(app)
  },
}
