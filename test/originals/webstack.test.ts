import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express from 'express'
import express4 from 'express4'
import type { Session } from 'sojourn'
import { createSessions } from 'sojourn'
import { expressSessions } from 'sojourn/express'
import { fetchSessions } from 'sojourn/fetch'
import { fileStore } from 'sojourn/stores/file'
import { memoryStore } from 'sojourn/stores/memory'
import { describe, expect, it, onTestFinished } from 'vitest'
import { factsOf } from '../facts.ts'
import { browser, serve, site } from './web.ts'

const counter = (session: Session<{ n?: number }>): string => String((session.data.n = (session.data.n ?? 0) + 1))

describe('WebStack: what get_session and expire_session do', () => {
  it('W1 Y1: no key and no value of the data is in any header', async () => {
    const { browser: open } = await site({
      '/': ({ session }) => (session.set('secretKey', 'secretValue'), 'ok'),
      '/in': async ({ session }) => (await session.login('secretUser', { keep: 'all' }), 'ok'),
      '/out': async ({ session }) => (await session.logout(), 'ok'),
    })
    const ann = open()
    for (const path of ['/', '/in', '/', '/out']) {
      expect(JSON.stringify([...(await ann.get(path)).headers])).not.toContain('secret')
    }
  })

  it('W3: the session comes with the request, and no user is named', async () => {
    const { browser: open } = await site<{ n?: number }>({ '/': ({ session }) => counter(session) })
    const [ann, bob] = [open(), open()]
    await ann.get('/')
    expect([(await ann.get('/')).text, (await bob.get('/')).text]).toEqual(['2', '1'])
  })

  it('W5 W6: start gives a session where there is none, and the same one where there is', async () => {
    const { browser: open } = await site({
      '/peek': ({ session }) => String(session.isStarted),
      '/get': ({ session }) => String(session.start().handle),
    })
    const ann = open()
    expect((await ann.get('/peek')).text).toBe('false')
    const first = await ann.get('/get')
    expect((await ann.get('/peek')).text).toBe('true')
    expect((await ann.get('/get')).text).toBe(first.text)
  })

  it('W8: after the end, in the same request, nothing throws, and what is written is not found later', async () => {
    const { browser: open } = await site({
      '/in': ({ session }) => (session.set('v', 1), 'ok'),
      '/out': async ({ session }) => {
        await session.destroy()
        session.set('after', 1)
        session.data['more'] = 2
        session.flash('note', 'late')
        return [session.get('v'), session.has('after'), session.keys().length].map(String).join()
      },
      '/': ({ session }) => JSON.stringify(session.data),
    })
    const ann = open()
    await ann.get('/in')
    const replay = [...ann.cookies]
    expect((await ann.get('/out')).text).toBe('undefined,true,2')
    for (const [name, value] of replay) ann.cookies.set(name, value)
    expect((await ann.get('/')).text).toBe('{}')
  })

  it('W9: one request has one session object, and a client has one id at a time', async () => {
    const sessions = createSessions({ store: memoryStore(), cookie: { insecureDevelopment: true } })
    const address = await serve(sessions, {
      '/': ({ session }) => (session.set('v', 1), String(sessions.current() === session)),
      '/in': async ({ session }) => (await session.login('ann'), 'ok'),
    })
    const ann = browser(address)
    expect((await ann.get('/')).text).toBe('true')
    await ann.get('/in')
    expect(ann.cookies.size).toBe(1)
  })

  it('W10: a key that is no string is refused', async () => {
    const session = await createSessions({ store: memoryStore() }).open(factsOf())
    for (const key of [1, Symbol('k'), {}, undefined]) {
      expect(() => void Reflect.apply(session.set, session, [key, 'v'])).toThrow('keys are strings')
    }
  })

  it('W14: the same application code runs unchanged on three kinds of server', async () => {
    const sessions = createSessions<{ n?: number }>({ store: memoryStore(), cookie: { insecureDevelopment: true } })
    const addresses = [await serve(sessions, { '/': ({ session }) => counter(session) })]
    for (const make of [express, express4]) {
      const app = make()
      const withSession = expressSessions(sessions)
      app.use(withSession)
      app.get(
        '/',
        (request: object, response: { end(text: string): unknown }) =>
          void response.end(counter(withSession.of(request))),
      )
      const server = app.listen(0, '127.0.0.1')
      await new Promise((resolve) => server.once('listening', resolve))
      onTestFinished(() => void server.close())
      const bound = server.address()
      addresses.push(`http://127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`)
    }
    const visitors = addresses.map((address) => browser(address))
    for (const ann of visitors) expect([(await ann.get('/')).text, (await ann.get('/')).text]).toEqual(['1', '2'])

    const handle = fetchSessions(sessions)((_request, session) => new Response(counter(session)))
    const first = await handle(new Request('https://shop.example/'))
    const cookie = first.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const second = await handle(new Request('https://shop.example/', { headers: { cookie } }))
    expect([await first.text(), await second.text()]).toEqual(['1', '2'])
  })

  it('W15 W16 Y15: the store is swapped behind the same code; a missing folder is made, an impossible one refused at once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sojourn-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const directory = join(folder, 'deep', 'WebStack-sessions')
    const store = fileStore({ directory })
    onTestFinished(() => store.close())
    expect(await readdir(join(folder, 'deep'))).toEqual(['WebStack-sessions'])
    const { browser: open } = await site<{ n?: number }>({ '/': ({ session }) => counter(session) }, { store })
    const ann = open()
    await ann.get('/')
    expect((await ann.get('/')).text).toBe('2')

    await writeFile(join(folder, 'file'), '')
    expect(() => fileStore({ directory: join(folder, 'file', 'sessions') })).toThrow('sessions')
  })

  it('W17: at the end of a request nothing is held, also when the page throws', async () => {
    const { browser: open } = await site<{ n?: number }>({
      '/': ({ session }) => counter(session),
      '/throw': ({ session }) => {
        counter(session)
        throw new Error('page failed')
      },
    })
    const ann = open()
    await ann.get('/')
    expect((await ann.get('/throw')).status).toBe(500)
    // Nothing waits for a lock that the failed page had: overlapping requests all get through, and lose nothing.
    const answers = await Promise.all(Array.from({ length: 10 }, () => ann.get('/')))
    expect(answers.every((answer) => answer.status === 200)).toBe(true)
  })

  it('W18: a counter that overlapping requests increment is exact', async () => {
    const { browser: open } = await site<{ hits?: number }>({
      '/': async ({ session }) => String(await session.increment('hits')),
    })
    const ann = open()
    await ann.get('/')
    await Promise.all(Array.from({ length: 30 }, () => ann.get('/')))
    expect((await ann.get('/')).text).toBe('32')
  })
})
