import cookie from '@fastify/cookie'
import type { FastifySessionOptions } from '@fastify/session'
import session from '@fastify/session'
import { fastify, type FastifyRequest } from 'fastify'
import { answer } from './fastify-answer.ts'
import { LISTEN, type Place, type Serve } from './serve.ts'
import { ANONYMOUS_PAGE, SECRET, userOf, visitOf, type Visit } from './visit.ts'

declare module 'fastify' {
  interface Session {
    visit: Visit
  }
}

export const serve: Serve = async (place) => {
  const app = fastify()
  const store = await storeAt(place)
  app.register(cookie)
  app.register(session, {
    secret: SECRET,
    // Otherwise every visit is stored.
    saveUninitialized: false,
    // The benchmark speaks plain HTTP, over which it would set no cookie.
    cookie: { secure: false },
    ...(store && { store }),
  })
  app.get('/anonymous', (_request, reply) => {
    reply.send(ANONYMOUS_PAGE)
  })
  app.get('/start', (request: FastifyRequest<{ Querystring: { slot: string } }>, reply) =>
    answer(reply, (request.session.visit = visitOf(Number(request.query.slot)))),
  )
  app.get('/read', (request, reply) => answer(reply, request.session.visit))
  app.get('/write', (request, reply) => {
    const { visit } = request.session
    if (visit !== undefined) visit.visits += 1
    return answer(reply, visit)
  })
  app.get('/login', async (request, reply) => {
    const { visit } = request.session
    if (visit === undefined) return answer(reply, undefined)
    // oxlint-disable-next-line typescript/await-thenable -- another subject's library declares `session` too
    await request.session.regenerate()
    return answer(reply, (request.session.visit = { ...visit, user: userOf(visit) }))
  })
  await app.listen(LISTEN)
  return app.server
}

/** Undefined is its own memory store. It has no Redis store of its own and takes those of express-session. */
async function storeAt({ store, url }: Place): Promise<FastifySessionOptions['store']> {
  if (store === 'memory') return undefined
  if (store !== 'redis') throw new Error(`@fastify/session: no store ${store}`)
  const [{ RedisStore }, { redisClient }] = await Promise.all([import('connect-redis'), import('./redis-client.ts')])
  return new RedisStore({ client: await redisClient(url) })
}
