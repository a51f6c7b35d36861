import { getQuery, H3 } from 'h3'
import { h3Sessions } from 'sojourn/h3'
import { answer, h3Server } from './h3-server.ts'
import type { Serve } from './serve.ts'
import { actions, sojournSessions } from './sojourn.ts'
import { ANONYMOUS_PAGE, visitOf } from './visit.ts'

export const serve: Serve = async (place) => {
  const withSession = h3Sessions(await sojournSessions(place))
  const app = new H3().use(withSession)
  app.get('/anonymous', () => ANONYMOUS_PAGE)
  app.get('/start', (event) =>
    answer(event, actions.start(withSession.of(event), visitOf(Number(getQuery(event)['slot'])))),
  )
  app.get('/read', (event) => answer(event, actions.read(withSession.of(event))))
  app.get('/write', (event) => answer(event, actions.write(withSession.of(event))))
  app.get('/login', async (event) => answer(event, await actions.login(withSession.of(event))))
  return h3Server(app)
}
