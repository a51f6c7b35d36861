import { Hono } from 'hono'
import { honoSessions } from 'sojourn/hono'
import { answer } from './hono-answer.ts'
import { honoServer } from './hono-server.ts'
import type { Serve } from './serve.ts'
import { actions, sojournSessions } from './sojourn.ts'
import { ANONYMOUS_PAGE, visitOf } from './visit.ts'

export const serve: Serve = async (place) => {
  const withSession = honoSessions(await sojournSessions(place))
  const app = new Hono()
  app.use(withSession)
  app.get('/anonymous', (c) => c.text(ANONYMOUS_PAGE))
  app.get('/start', (c) => answer(c, actions.start(withSession.of(c), visitOf(Number(c.req.query('slot'))))))
  app.get('/read', (c) => answer(c, actions.read(withSession.of(c))))
  app.get('/write', (c) => answer(c, actions.write(withSession.of(c))))
  app.get('/login', async (c) => answer(c, await actions.login(withSession.of(c))))
  return honoServer(app)
}
