import { type SessionEnv, useSession, useSessionStorage } from '@hono/session'
import { Hono } from 'hono'
import { answer } from './hono-answer.ts'
import { honoServer } from './hono-server.ts'
import type { Serve } from './serve.ts'
import { ANONYMOUS_PAGE, userOf, visitOf, type Visit } from './visit.ts'

type Data = Visit & Record<string, unknown>

/** Without a storage, all of the session is in an encrypted cookie. The memory storage is a map, for it brings none. */
export const serve: Serve = ({ store }) => {
  const app = new Hono<SessionEnv<Data>>()
  if (store === 'memory') app.use(useSessionStorage<Data, SessionEnv<Data>>(mapStorage()))
  app.use(useSession<Data>({ secret: '5'.repeat(32) }))
  app.get('/anonymous', (c) => c.text(ANONYMOUS_PAGE))
  app.get('/start', async (c) => {
    const visit: Data = { ...visitOf(Number(c.req.query('slot'))) }
    await c.var.session.update(visit)
    return answer(c, visit)
  })
  app.get('/read', async (c) => answer(c, (await c.var.session.get()) ?? undefined))
  app.get('/write', async (c) => {
    const visit = await c.var.session.get()
    if (visit === null) return answer(c, undefined)
    const next = { ...visit, visits: visit.visits + 1 }
    await c.var.session.update(next)
    return answer(c, next)
  })
  // It has no way to change the ID of a session.
  app.get('/login', async (c) => {
    const visit = await c.var.session.get()
    if (visit === null) return answer(c, undefined)
    await c.var.session.update({ ...visit, user: userOf(visit) })
    return answer(c, visit)
  })
  return honoServer(app)
}

function mapStorage() {
  const sessions = new Map<string, string>()
  return {
    get(sid: string): Data | null {
      const text = sessions.get(sid)
      return text === undefined ? null : (JSON.parse(text) as Data)
    },
    set: (sid: string, value: Data): void => void sessions.set(sid, JSON.stringify(value)),
    delete: (sid: string): void => void sessions.delete(sid),
  }
}
