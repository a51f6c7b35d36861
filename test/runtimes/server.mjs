import { once } from 'node:events'
import { createServer } from 'node:http'
import { cookieCarrier, createSessions } from 'sojourn'
import { nodeSessions } from 'sojourn/node'
import { memoryStore } from 'sojourn/stores/memory'
import { cookieOf, equal, runCase } from './conformance.mjs'

/**
 * A real server, because each runtime has its own node:http.
 * @param {(result: import('./conformance.mjs').Result) => void} report
 */
export async function serverTests(report) {
  await runCase('a node:http server counts the visits of each client', countsVisits, report)
}

async function countsVisits() {
  const server = application().listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the server has no port')
    const url = `http://127.0.0.1:${address.port}/`
    const first = await fetch(url)
    equal(await first.text(), '1')
    const again = { headers: { cookie: cookieOf(first) } }
    equal(await (await fetch(url, again)).text(), '2')
    equal(await (await fetch(url, again)).text(), '3')
    equal(await (await fetch(url)).text(), '1')
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

function application() {
  const sessions = createSessions({
    store: memoryStore(),
    initial: () => ({ visits: 0 }),
    carriers: [cookieCarrier({ insecureDevelopment: true })],
  })
  const withSession = nodeSessions(sessions)
  return createServer(
    withSession((_request, response, session) => {
      session.data.visits += 1
      response.writeHead(200, { 'content-type': 'text/plain' })
      response.write(String(session.data.visits))
      response.end()
    }),
  )
}
