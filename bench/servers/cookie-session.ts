import cookieSession from 'cookie-session'
import express, { type Request } from 'express'
import { answer } from './express-answer.ts'
import { LISTEN, listening, type Serve } from './serve.ts'
import { ANONYMOUS_PAGE, SECRET, userOf, visitOf, type Visit } from './visit.ts'

export const serve: Serve = () => {
  const app = express()
  app.use(cookieSession({ keys: [SECRET] }))
  app.get('/anonymous', (_req, res) => {
    res.send(ANONYMOUS_PAGE)
  })
  app.get('/start', (req, res) => {
    const visit = visitOf(Number(req.query['slot']))
    Object.assign(req.session ?? {}, { visit })
    answer(res, visit)
  })
  app.get('/read', (req, res) => answer(res, visitIn(req)))
  app.get('/write', (req, res) => {
    const visit = visitIn(req)
    if (visit !== undefined) visit.visits += 1
    answer(res, visit)
  })
  app.get('/login', (req, res) => {
    const visit = visitIn(req)
    if (visit !== undefined) visit.user = userOf(visit)
    answer(res, visit)
  })
  return listening(app.listen(LISTEN.port, LISTEN.host))
}

function visitIn(req: Request): Visit | undefined {
  return req.session?.['visit']
}
