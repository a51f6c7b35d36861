import Koa from 'koa'
import { koaSessions } from 'sojourn/koa'
import { answer, routes } from './koa-routes.ts'
import { LISTEN, listening, type Serve } from './serve.ts'
import { actions, sojournSessions } from './sojourn.ts'
import { ANONYMOUS_PAGE, visitOf } from './visit.ts'

export const serve: Serve = async (place) => {
  const withSession = koaSessions(await sojournSessions(place))
  const app = new Koa()
  app.use(withSession)
  app.use(
    routes({
      '/anonymous': (ctx) => {
        ctx.body = ANONYMOUS_PAGE
      },
      '/start': (ctx) => answer(ctx, actions.start(withSession.of(ctx), visitOf(Number(ctx.query['slot'])))),
      '/read': (ctx) => answer(ctx, actions.read(withSession.of(ctx))),
      '/write': (ctx) => answer(ctx, actions.write(withSession.of(ctx))),
      '/login': async (ctx) => answer(ctx, await actions.login(withSession.of(ctx))),
    }),
  )
  return listening(app.listen(LISTEN.port, LISTEN.host))
}
