import Koa, { type Context } from 'koa'
import session from 'koa-session'
import { answer, routes } from './koa-routes.ts'
import { LISTEN, listening, type Serve } from './serve.ts'
import { ANONYMOUS_PAGE, SECRET, userOf, visitOf, type Visit } from './visit.ts'

/** Without a store, all of the session is in a signed cookie. The memory store is a map, for it brings none. */
export const serve: Serve = ({ store }) => {
  const app = new Koa()
  app.keys = [SECRET]
  if (store === 'memory') app.use(listCookies)
  app.use(session(store === 'memory' ? { store: mapStore() } : {}, app))
  app.use(
    routes({
      '/anonymous': (ctx) => {
        ctx.body = ANONYMOUS_PAGE
      },
      '/start': (ctx) => answer(ctx, (ctx.session!['visit'] = visitOf(Number(ctx.query['slot'])))),
      '/read': (ctx) => answer(ctx, ctx.session!['visit']),
      '/write': (ctx) => {
        const visit: Visit | undefined = ctx.session!['visit']
        if (visit !== undefined) visit.visits += 1
        answer(ctx, visit)
      },
      '/login': async (ctx) => {
        const visit: Visit | undefined = ctx.session!['visit']
        if (visit !== undefined) {
          visit.user = userOf(visit)
          await ctx.session!.regenerate()
        }
        answer(ctx, visit)
      },
    }),
  )
  return listening(app.listen(LISTEN.port, LISTEN.host))
}

/** The load generator sees only the last of several headers with one name, and this library sets two cookies. */
async function listCookies(ctx: Context, next: () => Promise<void>): Promise<void> {
  await next()
  const cookies = ctx.res.getHeader('set-cookie')
  if (Array.isArray(cookies)) ctx.set('x-jar', cookies.map((cookie) => cookie.split(';')[0]).join('; '))
}

function mapStore() {
  const sessions = new Map<string, string>()
  return {
    get: (key: string): Promise<unknown> => Promise.resolve(parsed(sessions.get(key))),
    set: (key: string, value: unknown): Promise<void> => Promise.resolve(void sessions.set(key, JSON.stringify(value))),
    destroy: (key: string): Promise<void> => Promise.resolve(void sessions.delete(key)),
  }
}

function parsed(text: string | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text)
}
