import secureSession from '@fastify/secure-session'
import { fastify, type FastifyRequest } from 'fastify'
import { answer } from './fastify-answer.ts'
import { LISTEN, type Serve } from './serve.ts'
import { ANONYMOUS_PAGE, SECRET, userOf, visitOf, type Visit } from './visit.ts'

declare module '@fastify/secure-session' {
  interface SessionData {
    visit: Visit
  }
}

export const serve: Serve = async () => {
  const app = fastify()
  app.register(secureSession, { key: Buffer.from(SECRET.slice(0, 32)), cookie: { path: '/' } })
  app.get('/anonymous', (_request, reply) => {
    reply.send(ANONYMOUS_PAGE)
  })
  app.get('/start', (request: FastifyRequest<{ Querystring: { slot: string } }>, reply) => {
    const visit = visitOf(Number(request.query.slot))
    request.session.set('visit', visit)
    return answer(reply, visit)
  })
  app.get('/read', (request, reply) => answer(reply, request.session.get('visit')))
  app.get('/write', (request, reply) => {
    const visit = request.session.get('visit')
    if (visit === undefined) return answer(reply, undefined)
    const next = { ...visit, visits: visit.visits + 1 }
    request.session.set('visit', next)
    return answer(reply, next)
  })
  app.get('/login', (request, reply) => {
    const visit = request.session.get('visit')
    if (visit === undefined) return answer(reply, undefined)
    request.session.regenerate()
    request.session.set('visit', { ...visit, user: userOf(visit) })
    return answer(reply, visit)
  })
  await app.listen(LISTEN)
  return app.server
}
