import { Hono } from 'hono'
import { MemoryStore, sessionMiddleware, type Session } from 'hono-sessions'
import { answer } from './hono-answer.ts'
import { honoServer } from './hono-server.ts'
import type { Serve } from './serve.ts'
import { ANONYMOUS_PAGE, SECRET, userOf, visitOf, type Visit } from './visit.ts'

interface Variables {
  session: Session<{ visit: Visit }>
  session_key_rotation: boolean
}

/** With the settings of its documentation. */
export const serve: Serve = () => {
  const app = new Hono<{ Variables: Variables }>()
  app.use(
    sessionMiddleware({
      store: new MemoryStore(),
      encryptionKey: SECRET,
      expireAfterSeconds: 900,
      cookieOptions: { sameSite: 'Lax', path: '/', httpOnly: true },
    }),
  )
  app.get('/anonymous', (c) => c.text(ANONYMOUS_PAGE))
  app.get('/start', (c) => {
    const visit = visitOf(Number(c.req.query('slot')))
    c.get('session').set('visit', visit)
    return answer(c, visit)
  })
  app.get('/read', (c) => answer(c, visitIn(c.get('session'))))
  app.get('/write', (c) => {
    const session = c.get('session')
    const visit = visitIn(session)
    if (visit === undefined) return answer(c, undefined)
    const next = { ...visit, visits: visit.visits + 1 }
    session.set('visit', next)
    return answer(c, next)
  })
  app.get('/login', (c) => {
    const session = c.get('session')
    const visit = visitIn(session)
    if (visit === undefined) return answer(c, undefined)
    session.set('visit', { ...visit, user: userOf(visit) })
    c.set('session_key_rotation', true)
    return answer(c, visit)
  })
  return honoServer(app)
}

function visitIn(session: Session<{ visit: Visit }>): Visit | undefined {
  return session.get('visit') ?? undefined
}
