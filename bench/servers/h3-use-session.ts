import { getQuery, getSession, H3, type H3Event, useSession } from 'h3'
import { answer, h3Server } from './h3-server.ts'
import type { Serve } from './serve.ts'
import { ANONYMOUS_PAGE, SECRET, userOf, visitOf, type Visit } from './visit.ts'

const config = { password: SECRET }

export const serve: Serve = () => {
  const app = new H3()
  // A handler that wants the session asks for it, so an anonymous visit costs nothing.
  app.get('/anonymous', () => ANONYMOUS_PAGE)
  app.get('/start', async (event) => {
    const visit = visitOf(Number(getQuery(event)['slot']))
    const session = await useSession<{ visit?: Visit }>(event, config)
    await session.update({ visit })
    return answer(event, visit)
  })
  app.get('/read', async (event) => answer(event, await visitIn(event)))
  app.get('/write', async (event) => {
    const session = await useSession<{ visit?: Visit }>(event, config)
    const { visit } = session.data
    if (visit === undefined) return answer(event, undefined)
    const next = { ...visit, visits: visit.visits + 1 }
    await session.update({ visit: next })
    return answer(event, next)
  })
  app.get('/login', async (event) => {
    const session = await useSession<{ visit?: Visit }>(event, config)
    const { visit } = session.data
    if (visit === undefined) return answer(event, undefined)
    await session.clear()
    await session.update({ visit: { ...visit, user: userOf(visit) } })
    return answer(event, visit)
  })
  return h3Server(app)
}

/** `useSession` would start one for a visitor who has none. */
async function visitIn(event: H3Event): Promise<Visit | undefined> {
  return (await getSession<{ visit?: Visit }>(event, config)).data.visit
}
