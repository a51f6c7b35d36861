import flash from 'connect-flash'
import { doubleCsrf } from 'csrf-csrf'
import { rateLimit } from 'express-rate-limit'
import multer from 'multer'
import { createSessions } from 'sojourn'
import type { Session } from 'sojourn'
import { expressSessions } from 'sojourn/express'
import { memoryStore } from 'sojourn/stores/memory'
import supertest from 'supertest'
import { describe, expect, it, vi } from 'vitest'
import { expressVersions } from '../fronts/drivers/express.ts'

interface Visit {
  file?: string
  n?: number
}

/** An application over plain http, as tests of applications have it, and what it was warned of. */
function application(create: (typeof expressVersions)[number]['create'], insecureDevelopment = true) {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const sessions = createSessions<Visit>({
    store: memoryStore(),
    initial: () => ({}),
    ...(insecureDevelopment && { cookie: { insecureDevelopment } }),
  })
  const warnings: string[] = []
  sessions.on('warning', ({ message }) => warnings.push(message))
  const withSession = expressSessions(sessions)
  const app = create()
  app.use(withSession)
  const sessionOf = (request: object): Session<Visit> => withSession.of(request)
  return { app, sessionOf, warnings }
}

describe.each(expressVersions)('on $name', ({ create }) => {
  it('connect-flash is refused with words, and shows one visitor nothing of another (F1)', async () => {
    const { app, warnings } = application(create)
    app.use(flash())
    app.get('/leave', (request, response) => {
      request.flash('info', 'the PIN is 1234')
      response.send('left')
    })
    app.get('/look', (request, response) => void response.json(request.flash('info')))
    expect((await supertest(app).get('/leave')).status).toBe(500)
    const other = await supertest(app).get('/look')
    expect(other.text).not.toContain('1234')
    expect(warnings).toEqual([expect.stringMatching(/^session\.flash: .*session\.flashes\(\)/)])
  })

  it('csrf-csrf works when it is bound to the handle of a session that is started', async () => {
    const { app, sessionOf } = application(create)
    const { generateCsrfToken, validateRequest } = doubleCsrf({
      getSecret: () => 'a secret of the application, of its own',
      getSessionIdentifier: (request) => sessionOf(request).start().handle ?? '',
      getCsrfTokenFromRequest: (request) => request.get('x-token'),
      cookieName: 'csrf',
      cookieOptions: { secure: false },
    })
    app.use((request, _response, next) => {
      const pairs = (request.headers.cookie ?? '').split('; ').map((pair): [string, string] => {
        const at = pair.indexOf('=')
        return [pair.slice(0, at), decodeURIComponent(pair.slice(at + 1))]
      })
      Object.assign(request, { cookies: Object.fromEntries(pairs) })
      next()
    })
    app.get('/form', (request, response) => void response.send(generateCsrfToken(request, response)))
    app.post('/form', (request, response) => void response.send(validateRequest(request) ? 'accepted' : 'refused'))
    const visitor = supertest.agent(app)
    const token = (await visitor.get('/form')).text
    expect((await visitor.post('/form').set('x-token', token)).text).toBe('accepted')
    expect((await supertest.agent(app).post('/form').set('x-token', token)).text).toBe('refused')
  })

  it('multer parses an upload, and what the handler keeps of it is saved', async () => {
    const { app, sessionOf } = application(create)
    app.post('/upload', multer().single('file'), (request, response) => {
      sessionOf(request).data.file = request.file?.originalname ?? 'none'
      response.send('kept')
    })
    app.get('/', (request, response) => void response.send(sessionOf(request).data.file))
    const visitor = supertest.agent(app)
    await visitor.post('/upload').attach('file', Buffer.from('text'), 'notes.txt')
    expect((await visitor.get('/')).text).toBe('notes.txt')
  })

  it('express-rate-limit counts each visitor by the handle of the session (F3b)', async () => {
    const { app, sessionOf } = application(create)
    app.use(rateLimit({ limit: 2, keyGenerator: (request) => sessionOf(request).start().handle ?? '' }))
    app.get('/', (_request, response) => void response.send('page'))
    for (const visitor of [supertest.agent(app), supertest.agent(app)]) {
      const statuses = []
      for (let i = 0; i < 3; i++) statuses.push((await visitor.get('/')).status)
      expect(statuses).toEqual([200, 200, 429])
    }
  })

  it('supertest keeps the session over plain http with a cookie for development (F10)', async () => {
    const { app, sessionOf } = application(create)
    app.get('/', (request, response) => {
      const { data } = sessionOf(request)
      data.n = (data.n ?? 0) + 1
      response.send(String(data.n))
    })
    const visitor = supertest.agent(app)
    expect([(await visitor.get('/')).text, (await visitor.get('/')).text]).toEqual(['1', '2'])
  })

  it('a callback given to a verb is an error at once, and no request hangs (F3)', async () => {
    const { app, sessionOf } = application(create)
    app.get('/', (request, response) => {
      const destroy = sessionOf(request).destroy as (callback: () => void) => unknown
      Reflect.apply(destroy, sessionOf(request), [() => response.send('done')])
    })
    expect((await supertest(app).get('/')).status).toBe(500)
  })
})
