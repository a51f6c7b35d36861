import express = require('express')
import { createSessions, isSessionError } from 'sojourn'
import { expressSessions, type WithSession } from 'sojourn/express'
import { memoryStore } from 'sojourn/stores/memory'

interface Visit {
  visits: number
}

declare global {
  namespace Express {
    interface Request extends WithSession<Visit> {}
  }
}

export const sessions = createSessions({
  store: memoryStore(),
  initial: (): Visit => ({ visits: 0 }),
  cookie: { insecureDevelopment: true },
})

export const app: express.Express = express()
app.use(expressSessions(sessions))
app.get('/', (request, response) => {
  response.send(`Visit ${(request.session.data.visits += 1)}`)
})

/** What two visits of one client are answered. */
export async function twoVisits(): Promise<readonly string[]> {
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`
  const first = await fetch(url)
  const cookie = first.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const second = await fetch(url, { headers: { cookie } })
  const answers = [await first.text(), await second.text()]
  server.closeAllConnections()
  server.close()
  if (isSessionError(answers)) throw answers
  return answers
}
