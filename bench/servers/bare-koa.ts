import Koa from 'koa'
import { LISTEN, listening, type Serve } from './serve.ts'
import { routes } from './koa-routes.ts'
import { BARE_PAGE } from './visit.ts'

export const serve: Serve = () => {
  const app = new Koa()
  app.use(
    routes({
      '/anonymous': (ctx) => {
        ctx.body = BARE_PAGE
      },
    }),
  )
  return listening(app.listen(LISTEN.port, LISTEN.host))
}
