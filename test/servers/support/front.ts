import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { nodeSessions } from '../../../src/fronts/node.ts'
import type { SessionsOptions } from '../../../src/core/config.ts'
import type { Session } from '../../../src/core/session.ts'
import type { Sessions } from '../../../src/core/sessions.ts'
import { createSessions } from '../../../src/core/sessions.ts'
import type { Client } from '../../support/bed.ts'
import { receive } from '../../support/bed.ts'

type Data = Record<string, unknown>

/** What a page does with its session; what it returns is the page. */
export type Page = (session: Session<Data>) => unknown

/** What a visitor got. */
export interface Answer {
  readonly status: number
  readonly cookies: readonly string[]
  readonly body: unknown
}

/** An application of node:http on sessions of its own. */
export interface Front {
  readonly sessions: Sessions<Data>
  /** The code and message of each error that a request ended with. */
  readonly errors: string[]
  /** A whole request over HTTP; the visitor keeps the cookies of the answer. */
  readonly visit: (visitor: Client, page: Page) => Promise<Answer>
}

/** Serves pages over HTTP until the test is over. A failure is a 503, and a page that throws without one a 500. */
export async function startFront(options: SessionsOptions<Data>): Promise<Front> {
  const sessions = createSessions<Data>({ sweepEvery: '30d', ...options })
  const errors: string[] = []
  const pages = new Map<string, Page>()
  const withSession = nodeSessions(sessions, {
    onError(error, _request, response) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      errors.push(`${code}: ${String(error)}`)
      response.writeHead(code.startsWith('store-') ? 503 : 500).end()
    },
  })
  const url = await listen(
    withSession(async (request, response, session) => {
      const body: unknown = await pages.get(request.url ?? '')?.(session)
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body ?? null))
    }),
  )
  let count = 0
  return {
    sessions,
    errors,
    async visit(visitor, page) {
      const path = `/${count++}`
      pages.set(path, page)
      const cookie = [...visitor.jar].map(([name, value]) => `${name}=${value}`).join('; ')
      const response = await fetch(`${url}${path}`, { headers: { ...(cookie !== '' && { cookie }) } })
      const cookies = response.headers.getSetCookie()
      receive(visitor, { cookies })
      const text = await response.text()
      pages.delete(path)
      return { status: response.status, cookies, body: text === '' ? undefined : JSON.parse(text) }
    },
  }
}

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}`
}
