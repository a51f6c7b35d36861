import express from 'express'
import { LISTEN, listening, type Serve } from './serve.ts'
import { BARE_PAGE } from './visit.ts'

export const serve: Serve = () => {
  const app = express()
  app.get('/anonymous', (_req, res) => {
    res.send(BARE_PAGE)
  })
  return listening(app.listen(LISTEN.port, LISTEN.host))
}
