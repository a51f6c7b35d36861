import { fastify, type FastifyRequest } from 'fastify'
import { fastifySessions } from 'sojourn/fastify'
import { answer } from './fastify-answer.ts'
import { LISTEN, type Serve } from './serve.ts'
import { actions, sojournSessions } from './sojourn.ts'
import { ANONYMOUS_PAGE, visitOf } from './visit.ts'

export const serve: Serve = async (place) => {
  const withSession = fastifySessions(await sojournSessions(place))
  const app = fastify()
  app.register(withSession)
  app.get('/anonymous', (_request, reply) => {
    reply.send(ANONYMOUS_PAGE)
  })
  app.get('/start', (request: FastifyRequest<{ Querystring: { slot: string } }>, reply) =>
    answer(reply, actions.start(withSession.of(request), visitOf(Number(request.query.slot)))),
  )
  app.get('/read', (request, reply) => answer(reply, actions.read(withSession.of(request))))
  app.get('/write', (request, reply) => answer(reply, actions.write(withSession.of(request))))
  app.get('/login', async (request, reply) => answer(reply, await actions.login(withSession.of(request))))
  await app.listen(LISTEN)
  return app.server
}
