import type { Express, RequestHandler } from 'express'
import morgan from 'morgan'
import onHeaders from 'on-headers'
import responseTime from 'response-time'
import { expressSessions } from 'sojourn/express'
import { describe, expect, it } from 'vitest'
import { createVisitor } from '../fronts/client.ts'
import { expressVersions } from '../fronts/drivers/express.ts'
import { listen } from '../fronts/drivers/servers.ts'
import { stage } from '../fronts/stage.ts'
import { pages } from './streams.ts'

let time = Date.now()
const now = (): number => ++time

const ORDERS = ['before', 'after'] as const
const cases = expressVersions.flatMap(({ name, create }) => ORDERS.map((order) => ({ version: name, create, order })))

describe.each(cases)('$version, middleware $order the session', ({ create, order }) => {
  const serve = (middleware: RequestHandler, send: (typeof pages)[number]['send']) =>
    stage(
      (sessions) => {
        const app: Express = create().set('trust proxy', 1)
        const withSession = expressSessions(sessions)
        app.use(...(order === 'before' ? [middleware, withSession] : [withSession, middleware]))
        app.use((request, response) => {
          if (request.path === '/write') withSession.of(request).data.count = now()
          else withSession.of(request).get('count')
          send(response)
        })
        return listen('http', app)
      },
      { now, timeouts: { idle: '1h', touchEvery: '0s' } },
    )

  it.each(pages)(
    'on-headers: the listener runs once, before the first byte, and what it sets arrives: $name (F2)',
    async ({ text, send }) => {
      const seen: string[] = []
      const hook: RequestHandler = (_request, response, next) => {
        onHeaders(response, function listener(this: typeof response) {
          seen.push(`sent ${this.headersSent}`)
          this.setHeader('X-Hook', 'set')
          this.setHeader('Cache-Control', 'public, max-age=60')
        })
        next()
      }
      const { connect } = await serve(hook, send)
      const visitor = createVisitor(connect())
      for (const path of ['/write', '/write', '/read']) {
        const got = await visitor.request(path)
        expect([got.status, got.text, got.all('x-hook')]).toEqual([200, text, ['set']])
        // Middleware before the session has the last word, for better or worse.
        if (order === 'after') expect(got.all('cache-control')).toEqual(['private, no-store'])
      }
      expect(seen).toEqual(['sent false', 'sent false', 'sent false'])
    },
  )

  it.each(pages)('response-time tells a time: $name', async ({ text, send }) => {
    const { connect } = await serve(responseTime(), send)
    const got = await connect().request('/write')
    expect([got.text, got.cookies.length]).toEqual([text, 1])
    expect(got.all('x-response-time')[0]).toMatch(/^\d+\.\d+ms$/)
  })

  it.each(pages)('morgan logs each request once, with its status, length and time: $name', async ({ text, send }) => {
    const lines: string[] = []
    const log = morgan(':method :url :status :res[set-cookie] :response-time', {
      stream: { write: (line) => lines.push(line) },
    })
    const { connect } = await serve(log, send)
    expect((await connect().request('/write')).text).toBe(text)
    await expect.poll(() => lines).toEqual([expect.stringMatching(/^GET \/write 200 __Host-id=.* \d+\.\d+\n$/)])
  })
})
