import { adonisServer } from './adonis-server.ts'
import type { Serve } from './serve.ts'
import { BARE_PAGE } from './visit.ts'

export const serve: Serve = () =>
  adonisServer([], {}, (router) => {
    router.get('/anonymous', ({ response }) => response.send(BARE_PAGE))
  })
