import express, { type Request, type Response } from 'express'
import { getIronSession } from 'iron-session'
import { answer } from './express-answer.ts'
import { LISTEN, listening, type Serve } from './serve.ts'
import { ANONYMOUS_PAGE, SECRET, userOf, visitOf, type Visit } from './visit.ts'

export const serve: Serve = () => {
  const app = express()
  const open = (req: Request, res: Response) =>
    // The benchmark speaks plain HTTP.
    getIronSession<{ visit: Visit }>(req, res, {
      password: SECRET,
      cookieName: 'iron',
      cookieOptions: { secure: false },
    })
  // A handler that wants the session asks for it, so an anonymous visit costs nothing.
  app.get('/anonymous', (_req, res) => {
    res.send(ANONYMOUS_PAGE)
  })
  app.get('/start', async (req, res) => {
    const session = await open(req, res)
    session.visit = visitOf(Number(req.query['slot']))
    await session.save()
    answer(res, session.visit)
  })
  app.get('/read', async (req, res) => answer(res, (await open(req, res)).visit))
  app.get('/write', async (req, res) => {
    const session = await open(req, res)
    if (session.visit !== undefined) {
      session.visit.visits += 1
      await session.save()
    }
    answer(res, session.visit)
  })
  app.get('/login', async (req, res) => {
    const session = await open(req, res)
    if (session.visit !== undefined) {
      session.visit.user = userOf(session.visit)
      await session.save()
    }
    answer(res, session.visit)
  })
  return listening(app.listen(LISTEN.port, LISTEN.host))
}
