import { fastify } from 'fastify'
import { LISTEN, type Serve } from './serve.ts'
import { BARE_PAGE } from './visit.ts'

export const serve: Serve = async () => {
  const app = fastify()
  app.get('/anonymous', (_request, reply) => {
    reply.send(BARE_PAGE)
  })
  await app.listen(LISTEN)
  return app.server
}
