import express, { type Response } from 'express'
import { expressSessions } from 'sojourn/express'
import { LISTEN, listening, type Serve } from './serve.ts'
import { actions, sojournSessions } from './sojourn.ts'
import { answer } from './express-answer.ts'
import { ANONYMOUS_PAGE, visitOf } from './visit.ts'

export const serve: Serve = async (place) => {
  const withSession = expressSessions(await sojournSessions(place))
  const app = express()
  app.use(withSession)
  app.get('/anonymous', (_req, res: Response) => {
    res.send(ANONYMOUS_PAGE)
  })
  app.get('/start', (req, res) => answer(res, actions.start(withSession.of(req), visitOf(Number(req.query['slot'])))))
  app.get('/read', (req, res) => answer(res, actions.read(withSession.of(req))))
  app.get('/write', (req, res) => answer(res, actions.write(withSession.of(req))))
  app.get('/login', async (req, res) => answer(res, await actions.login(withSession.of(req))))
  return listening(app.listen(LISTEN.port, LISTEN.host))
}
