import type { HttpContext } from '@adonisjs/core/http'
import { defineConfig, stores } from '@adonisjs/session'
import { adonisServer } from './adonis-server.ts'
import type { Serve } from './serve.ts'
import { ANONYMOUS_PAGE, LOST, pageOf, userOf, visitOf, type Visit } from './visit.ts'

export const serve: Serve = async ({ store }) => {
  const config = defineConfig({
    store: store === 'cookie' ? 'cookie' : 'memory',
    stores: { cookie: stores.cookie() },
    // The benchmark speaks plain HTTP.
    cookie: { secure: false },
  })
  const modules = [() => import('@adonisjs/session/session_provider')]
  return await adonisServer(modules, { session: config }, (router) => {
    router.use([() => import('@adonisjs/session/session_middleware')])
    router.get('/anonymous', ({ response }) => response.send(ANONYMOUS_PAGE))
    router.get('/start', (context) => {
      const visit = visitOf(Number(context.request.input('slot')))
      context.session.put('visit', visit)
      answer(context, visit)
    })
    router.get('/read', (context) => answer(context, visitIn(context)))
    router.get('/write', (context) => {
      const visit = visitIn(context)
      const next = visit && { ...visit, visits: visit.visits + 1 }
      if (next !== undefined) context.session.put('visit', next)
      answer(context, next)
    })
    router.get('/login', (context) => {
      const visit = visitIn(context)
      if (visit !== undefined) {
        context.session.regenerate()
        context.session.put('visit', { ...visit, user: userOf(visit) })
      }
      answer(context, visit)
    })
  })
}

function visitIn({ session }: HttpContext): Visit | undefined {
  return session.get('visit') as Visit | undefined
}

function answer({ response }: HttpContext, visit: Visit | undefined): void {
  if (visit === undefined) response.status(409).send(LOST)
  else response.send(pageOf(visit))
}
