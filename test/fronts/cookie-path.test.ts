import { Hono } from 'hono'
import express from 'express'
import type { RequestListener } from 'node:http'
import type { Session, Sessions } from 'sojourn'
import { createSessions } from 'sojourn'
import { expressSessions } from 'sojourn/express'
import { honoSessions } from 'sojourn/hono'
import { nodeSessions } from 'sojourn/node'
import { memoryStore } from 'sojourn/stores/memory'
import { describe, expect, it, vi } from 'vitest'
import { createClient } from './client.ts'
import type { Running, Visit } from './driver.ts'
import { serveHono } from './drivers/hono.ts'
import { inQuery } from './table.ts'
import { listen } from './drivers/servers.ts'

function managerOf(): Sessions<Visit> {
  return createSessions<Visit>({ store: memoryStore(), cookie: { name: '__Secure-admin', path: '/admin' } })
}

const count = (session: Session<Visit>): string => String((session.data.count = (session.data.count ?? 0) + 1))
const overHttp = (app: RequestListener): Promise<Running> => listen('http', app)

/** Applications that are mounted under a prefix, in which handlers see what is left of the URL. */
const mounted: readonly { name: string; start: (sessions: Sessions<Visit>) => Promise<Running> }[] = [
  {
    name: 'Express',
    start: (sessions) => {
      const admin = express().use(expressSessions(sessions), (request, response) => {
        response.send(count(sessions.current()) + request.url)
      })
      return overHttp(express().set('trust proxy', 1).use(['/admin', '/x'], admin.set('trust proxy', 1)))
    },
  },
  {
    name: 'node under Express',
    start: (sessions) => {
      const serve = nodeSessions(sessions, { trustProxy: 1 })((request, response, session) => {
        response.end(count(session) + request.url)
      })
      return overHttp(express().use(['/admin', '/x'], (request, response) => serve(request, response)))
    },
  },
  {
    name: 'Hono',
    start: (sessions) => {
      const admin = new Hono()
        .use(honoSessions(sessions, { trustProxy: 1 }))
        .all('*', (c) => c.text(`${count(sessions.current())}/users`))
      return serveHono(new Hono().route('/admin', admin).route('/x', admin).fetch)
    },
  },
]

describe.each(mounted)('an application under a prefix, $name', ({ start }) => {
  it('has sessions where the path of their cookie covers the whole URL, and not what is left of it (F9)', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const sessions = managerOf()
    const warnings: string[] = []
    sessions.on('warning', ({ message }) => void warnings.push(message))
    const running = await start(sessions)
    const client = createClient(running.endpoint)
    try {
      const inside = await client.request('/admin/users')
      expect([inside.text, inside.cookies.length, warnings]).toEqual(['1/users', 1, []])
      const outside = await client.request('/x/users')
      expect([outside.text, outside.cookies.length, warnings.length]).toEqual(['1/users', 0, 1])
      await client.request('/x/admin/users')
      expect(warnings).toHaveLength(1)
    } finally {
      client.close()
      await running.close()
      warn.mockRestore()
    }
  })
})

describe('a handler of Node under a prefix', () => {
  it('sees its URL without the token that travelled there, and without the prefix', async () => {
    const sessions = createSessions<Visit>({ store: memoryStore(), carriers: [inQuery()] })
    const serve = nodeSessions(sessions)((request, response, session) => {
      response.end(`${request.url} ${Reflect.get(request, 'originalUrl')} ${session.facts.url}`)
    })
    const running = await overHttp(express().use('/admin', (request, response) => serve(request, response)))
    const client = createClient(running.endpoint)
    try {
      const { text } = await client.request(`/admin/users?token=${'A'.repeat(46)}&page=2`)
      expect(text).toBe('/users?page=2 /admin/users?page=2 /admin/users?page=2')
    } finally {
      client.close()
      await running.close()
    }
  })
})
