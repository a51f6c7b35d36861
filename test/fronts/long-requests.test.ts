import http from 'node:http'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import express from 'express'
import multer from 'multer'
import { createSessions } from 'sojourn'
import { expressSessions } from 'sojourn/express'
import { memoryStore } from 'sojourn/stores/memory'
import { countingStore } from 'sojourn/testing'
import { describe, expect, it } from 'vitest'
import { createClient, createVisitor } from './client.ts'
import type { Visit } from './driver.ts'
import { drivers } from './drivers/all.ts'
import { listen } from './drivers/servers.ts'

// What turns Node's requests into those of the web in these tests tells nobody that a client has gone.
const telling = drivers.filter(({ name }) => !/fetch/i.test(name))

describe.each(telling)('$name', (driver) => {
  it('tells that a client has hung up while its request is under way, and that another one has not (F5)', async () => {
    const sessions = createSessions<Visit>({ store: memoryStore() })
    let hasBegun = (): void => undefined
    const began = new Promise<void>((resolve) => (hasBegun = resolve))
    let hasNoticed = (): void => undefined
    const noticed = new Promise<void>((resolve) => (hasNoticed = resolve))
    const { endpoint, close } = await driver.start({
      sessions,
      handle: async ({ session, path }) => {
        if (path === '/wait') {
          hasBegun()
          while (session.facts.hasHungUp !== true) await setImmediate()
          hasNoticed()
        }
        return { body: String(session.facts.hasHungUp) }
      },
    })
    const [gone, here] = [createClient(endpoint), createClient(endpoint)]
    try {
      const { opened, abort } = gone.open('/wait')
      opened.catch(() => undefined)
      await began
      expect((await here.request('/')).text).toBe('false')
      abort()
      await noticed
    } finally {
      gone.close()
      here.close()
      await close()
    }
  })
})

it('an upload through multer that takes longer than the idle limit is kept, and its user stays signed in (F5)', async () => {
  const counting = countingStore(memoryStore())
  const sessions = createSessions<Visit>({ store: counting.store, timeouts: { idle: '3s', touchEvery: '0s' } })
  const app = express().set('trust proxy', 1)
  const withSession = expressSessions(sessions)
  app.use(withSession)
  app.get('/login', async (request, response) => {
    await withSession.of(request).login('ann')
    response.send('in')
  })
  app.get('/', (request, response) => {
    const { subject, data } = withSession.of(request)
    response.send(`${subject} ${data.name}`)
  })
  app.post('/upload', multer().single('file'), (request, response) => {
    withSession.of(request).data.name = request.file?.originalname ?? 'no file'
    response.send('saved')
  })
  const { endpoint, close } = await listen('http', app)
  const client = createClient(endpoint)
  try {
    const visitor = createVisitor(client)
    await visitor.request('/login')
    const since = Date.now()
    const upload = http.request({
      port: endpoint.port,
      host: '127.0.0.1',
      path: '/upload',
      method: 'POST',
      headers: {
        cookie: visitor.cookie ?? '',
        'x-forwarded-proto': 'https',
        'content-type': 'multipart/form-data; boundary=x',
      },
    })
    upload.write('--x\r\nContent-Disposition: form-data; name="file"; filename="long.txt"\r\n\r\n')
    counting.reset()
    while (counting.count('touch') < 4 || Date.now() - since < 3500) {
      upload.write('more\r\n')
      await setImmediate()
    }
    const answer = new Promise<http.IncomingMessage>((resolve) => upload.on('response', resolve))
    upload.end('\r\n--x--\r\n')
    expect(await text(await answer)).toBe('saved')
    expect((await visitor.request('/')).text).toBe('ann long.txt')
  } finally {
    client.close()
    await close()
  }
}, 60_000)
