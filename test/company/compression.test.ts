import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import compression from 'compression'
import type { Express, Request, Response } from 'express'
import type { Session } from 'sojourn'
import { expressSessions } from 'sojourn/express'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Visitor } from '../fronts/client.ts'
import { createVisitor } from '../fronts/client.ts'
import { decoded } from '../fronts/decoded.ts'
import type { Visit } from '../fronts/driver.ts'
import { expressVersions } from '../fronts/drivers/express.ts'
import { listen } from '../fronts/drivers/servers.ts'
import { watchRejections } from '../fronts/rejections.ts'
import type { Stage } from '../fronts/stage.ts'
import { stage } from '../fronts/stage.ts'
import { pages } from './streams.ts'

const GZIP = { headers: { 'accept-encoding': 'gzip' } }

// As in a program that serves slowly: the store's answer comes after everything that the handler can do without it.
const SLOW = 30

let time = Date.now()

// Never twice the same, so that each visit is later than the one before.
const now = (): number => ++time

type Commit = 'nothing' | 'a touch' | 'an update'
const COMMITS: readonly Commit[] = ['nothing', 'a touch', 'an update']
const ORDERS = ['before', 'after'] as const

const cases = expressVersions
  .flatMap(({ name, create }) =>
    ORDERS.flatMap((order) =>
      COMMITS.flatMap((commit) => [0, SLOW].map((delay) => ({ version: name, create, order, commit, delay }))),
    ),
  )
  .filter(({ commit, delay }) => commit !== 'nothing' || delay === 0)

describe.each(cases)(
  '$version, compression $order the session, the commit is $commit, the store takes $delay ms',
  { timeout: 3_000 },
  ({ create, order, commit, delay }) => {
    let handler: (request: Request, response: Response, session: Session<Visit>) => unknown = () => undefined

    /** A visitor who has a session, in front of an application whose next page makes that commit. */
    async function arrive(): Promise<{ readonly visitor: Visitor; readonly set: Stage }> {
      const set = await stage(
        (sessions) => {
          const app: Express = create().set('trust proxy', 1)
          const withSession = expressSessions(sessions)
          if (order === 'before') app.use(compression({ threshold: 0 }))
          app.use(withSession)
          if (order === 'after') app.use(compression({ threshold: 0 }))
          app.get('/begin', (request, response) => {
            withSession.of(request).data.count = 1
            response.send('begun')
          })
          app.get('/page', (request, response) => {
            if (commit === 'an update') withSession.of(request).data.count = Date.now()
            handler(request, response, withSession.of(request))
          })
          return listen('http', app)
        },
        { now, timeouts: { idle: '1h', touchEvery: commit === 'a touch' ? '0s' : '1h' } },
      )
      const visitor = createVisitor(set.connect())
      await visitor.request('/begin')
      set.watched.forget()
      set.watched.delay(delay, 'touch', 'update')
      return { visitor, set }
    }

    const WRITES = { nothing: [], 'a touch': ['touch'], 'an update': ['update'] } as const

    it.each(pages)('the bytes of $name arrive as they were sent (F2)', async ({ text: expected, send }) => {
      const { visitor, set } = await arrive()
      handler = (_request, response) => send(response)
      const opened = await visitor.open('/page', GZIP).opened
      expect(opened.all('content-encoding')).toEqual(['gzip'])
      expect(await text(decoded(opened))).toBe(expected)
      expect(set.watched.writes()).toEqual(WRITES[commit])
    })

    it.each([
      ['flushHeaders, write and flush', true],
      ['write and flush', false],
    ])('the first event of a stream leaves before the second is sent: %s (F3)', async (_way, isFlushedFirst) => {
      const { visitor } = await arrive()
      const isRead = Promise.withResolvers<void>()
      handler = async (_request, response) => {
        response.type('text/event-stream')
        if (isFlushedFirst) response.flushHeaders()
        response.write('data: 1\n\n')
        response.flush()
        await isRead.promise
        response.write('data: 2\n\n')
        response.flush()
        response.end('data: 3\n\n')
      }
      const opened = await visitor.open('/page', GZIP).opened
      const events = decoded(opened)
      const [first] = (await once(events, 'data')) as [Buffer]
      expect(first.toString()).toBe('data: 1\n\n')
      isRead.resolve()
      expect(await text(events)).toBe('data: 2\n\ndata: 3\n\n')
    })
  },
)

describe.each(expressVersions)('$name', { timeout: 3_000 }, ({ create }) => {
  beforeAll(() => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
  })
  afterAll(() => {
    vi.restoreAllMocks()
  })

  it.each(ORDERS.flatMap((order) => pages.map(({ name, text, send }) => ({ order, name, text, send }))))(
    'STORE-2: compression $order the session, and $name cannot be saved: the error is answered whole, and nothing of the page leaves',
    async ({ order, text: expected, send }) => {
      const rejections = watchRejections()
      const { connect, watched } = await stage((sessions) => {
        const app: Express = create().set('trust proxy', 1)
        if (order === 'before') app.use(compression({ threshold: 0 }))
        app.use(expressSessions(sessions))
        if (order === 'after') app.use(compression({ threshold: 0 }))
        app.use((request, response) => {
          expressSessions(sessions).of(request).data.count = 1
          send(response)
        })
        return listen('http', app)
      })
      watched.fail('insert')
      const opened = await connect().open('/', GZIP).opened
      expect([opened.status, opened.all('set-cookie')]).toEqual([503, []])
      const page = await text(decoded(opened))
      // The second where the page ends itself before Express has come to its error page.
      expect(page).toMatch(/^(<!DOCTYPE html>\n[^]*insert failed[^]*<\/html>\n|Service Unavailable)$/)
      expect(page).not.toContain(expected)
      expect(rejections()).toEqual([])
    },
  )
})
