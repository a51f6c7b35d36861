import type { Carrier, Sessions } from 'sojourn'
import { createSessions, isSessionError } from 'sojourn'
import { fetchSessions } from 'sojourn/fetch'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Visit } from './driver.ts'
import { listen } from './drivers/servers.ts'
import type { WatchedStore } from './watched-store.ts'
import { watchedStore } from './watched-store.ts'

const told = vi.fn<(...args: unknown[]) => void>()

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(told)
})
afterEach(() => {
  vi.restoreAllMocks()
  told.mockReset()
})

function setUp(options: Partial<Parameters<typeof createSessions<Visit>>[0]> = {}): {
  readonly sessions: Sessions<Visit>
  readonly watched: WatchedStore
} {
  const watched = watchedStore()
  return { watched, sessions: createSessions<Visit>({ store: watched.store, initial: () => ({}), ...options }) }
}

function get(path = '/', headers: Readonly<Record<string, string>> = {}): Request {
  return new Request(`https://shop.example${path}`, { headers })
}

function cookieOf(response: Response): string {
  return response.headers.getSetCookie()[0]?.split(';')[0] ?? ''
}

describe('fetchSessions', () => {
  it('VULN-12: a constant response without a body never takes the cookie of one visitor to another', async () => {
    const { sessions } = setUp()
    const empty = new Response(null, { status: 204, headers: { 'X-Constant': '1' } })
    const serve = fetchSessions(sessions)((request, session) => {
      if (request.url.endsWith('/write')) session.data.count = 1
      return empty
    })
    const first = await serve(get('/write'))
    const second = await serve(get('/plain'))
    expect([first.status, first.headers.getSetCookie().length, first.headers.get('x-constant')]).toEqual([204, 1, '1'])
    expect([second.headers.getSetCookie(), second.headers.get('cache-control')]).toEqual([[], null])
    expect(empty.headers.getSetCookie()).toEqual([])
  })

  it('adds to responses whose headers cannot be changed, without copying the body', async () => {
    const { sessions } = setUp()
    const upstream = await listen('http', (_request, response) => {
      response.writeHead(201, 'Made', { 'Set-Cookie': 'app=1' }).end('from elsewhere')
    })
    onTestFinished(() => upstream.close())
    const frozen = await fetch(`http://127.0.0.1:${upstream.endpoint.port}`)
    expect(() => frozen.headers.set('x-any', '1')).toThrow(/immutable/)
    const { body } = frozen
    const serve = fetchSessions(sessions)((request, session) => {
      session.data.count = 1
      return request.url.endsWith('/redirect') ? Response.redirect('https://shop.example/next', 303) : frozen
    })
    const redirect = await serve(get('/redirect'))
    expect([redirect.status, redirect.headers.get('location')]).toEqual([303, 'https://shop.example/next'])
    expect(redirect.headers.getSetCookie()).toHaveLength(1)
    const got = await serve(get())
    expect(got).not.toBe(frozen)
    expect(got.body).toBe(body)
    expect([got.status, got.statusText, await got.text()]).toEqual([201, 'Made', 'from elsewhere'])
    expect(got.headers.getSetCookie()).toEqual(['app=1', expect.stringMatching(/^__Host-id=/)])
  })

  it('hands on a response that can be changed as it is', async () => {
    const { sessions } = setUp()
    const own = new Response('body')
    const got = await fetchSessions(sessions)((_request, session) => {
      session.data.count = 1
      return own
    })(get())
    expect(got).toBe(own)
    expect(got.headers.getSetCookie()).toHaveLength(1)
  })

  it('hands on a network error, and saves all the same', async () => {
    const { sessions, watched } = setUp()
    const got = await fetchSessions(sessions)((_request, session) => {
      session.data.count = 1
      return Response.error()
    })(get())
    expect(got.type).toBe('error')
    expect(watched.writes()).toEqual(['insert'])
  })

  it('passes on what the runtime passes, and asks it for the address of the client', async () => {
    const seen: unknown[] = []
    const { sessions } = setUp({
      bind: (facts) => {
        seen.push([facts.secure, facts.clientAddress])
        return undefined
      },
    })
    interface Env {
      readonly greeting: string
    }
    const withSession = fetchSessions(sessions, { clientAddress: (_request, _env: Env, address: string) => address })
    const serve = withSession((_request, session, env, address) => {
      session.data.count = 1
      return new Response(`${env.greeting} ${address}`)
    })
    expect(await (await serve(get(), { greeting: 'hello' }, '1.2.3.4')).text()).toBe('hello 1.2.3.4')
    expect(seen).toEqual([[true, '1.2.3.4']])
  })

  it('ignores what proxies say unless it is told to believe them', async () => {
    const seen: unknown[] = []
    const { sessions } = setUp({
      bind: (facts) => {
        seen.push([facts.secure, facts.clientAddress])
        return undefined
      },
    })
    const headers = { 'x-forwarded-for': '6.6.6.6, 1.1.1.1', 'x-forwarded-proto': 'http' }
    for (const options of [{}, { trustProxy: true }]) {
      await fetchSessions(
        sessions,
        options,
      )((_request, session) => {
        session.data.count = 1
        return new Response()
      })(get('/', headers))
    }
    expect(seen).toEqual([
      [true, undefined],
      [false, '1.1.1.1'],
    ])
    expect(() => fetchSessions(sessions, { trustProxy: 0.5 })).toThrow(/trustProxy/)
  })

  it('throws on what the handler throws, with its changes saved, and gives it to onError when there is one', async () => {
    const { sessions } = setUp()
    const fault = new Error('broken on purpose')
    const broken = fetchSessions(sessions)((_request, session) => {
      session.data.count = 50
      throw fault
    })
    const kept = fetchSessions(sessions, {
      onError: (error) => new Response(error === fault ? 'sorry' : 'other', { status: 500 }),
    })((_request, session) => {
      session.data.count = 7
      throw fault
    })
    const read = fetchSessions(sessions)((_request, session) => new Response(String(session.data.count)))
    await expect(broken(get())).rejects.toBe(fault)
    const got = await kept(get())
    expect([got.status, await got.text(), got.headers.getSetCookie().length]).toEqual([500, 'sorry', 1])
    await expect(broken(get('/', { cookie: cookieOf(got) }))).rejects.toBe(fault)
    expect(await (await read(get('/', { cookie: cookieOf(got) }))).text()).toBe('50')
  })

  it('gives failures of the store to onError, and tells the body of the page that nobody reads it', async () => {
    const { sessions, watched } = setUp()
    const cancelled = Promise.withResolvers<unknown>()
    const codes: unknown[] = []
    const serve = fetchSessions(sessions, {
      onError: (error, request) => {
        codes.push(isSessionError(error) && error.code, new URL(request.url).pathname)
        return new Response('sorry', { status: 599 })
      },
    })((_request, session) => {
      session.data.count = 1
      return new Response(new ReadableStream({ cancel: cancelled.resolve }))
    })
    watched.fail('insert')
    const got = await serve(get('/save'))
    expect([got.status, await got.text(), got.headers.getSetCookie()]).toEqual([599, 'sorry', []])
    expect(isSessionError(await cancelled.promise)).toBe(true)
    watched.fail('get')
    await serve(get('/load', { cookie: `__Host-id=${'A'.repeat(46)}` }))
    expect(codes).toEqual(['store-unavailable', '/save', 'store-unavailable', '/load'])
    expect(told).not.toHaveBeenCalled()
  })

  it('gives the answer of the session instead of calling the handler', async () => {
    const { sessions } = setUp({ refusal: { answer: 'message' } })
    const handler = vi.fn<() => Response>()
    const got = await fetchSessions(sessions)(handler)(get('/', { cookie: `__Host-id=${'A'.repeat(46)}` }))
    expect([got.status, await got.text()]).toEqual([200, 'Session expired'])
    expect(got.headers.getSetCookie()).toHaveLength(1)
    expect(handler).not.toHaveBeenCalled()
  })

  describe('with a carrier that reads more than cookies', () => {
    const fields: unknown[] = []
    const odd: Carrier = {
      name: 'odd',
      isFallback: false,
      carriesSubjects: true,
      vary: [],
      read: (facts) => {
        fields.push(facts.field?.('token'))
        return []
      },
      hand: () => ({}),
      clear: () => ({}),
      strip: (url) => url.replace(/\?token=\w+/, ''),
    }
    const post = (body: string, type = 'application/x-www-form-urlencoded'): Request =>
      new Request('https://shop.example/form', { method: 'POST', body, headers: { 'content-type': type } })

    it('shows the handler a URL without the token', async () => {
      const { sessions } = setUp({ carriers: [odd] })
      const serve = fetchSessions(sessions)((request) => new Response(`${request.method} ${request.url}`))
      const got = await serve(new Request('https://shop.example/page?token=abc', { method: 'DELETE' }))
      expect(await got.text()).toBe('DELETE https://shop.example/page')
    })

    it('reads forms when it is asked to, and the handler reads them again', async () => {
      const { sessions } = setUp({ carriers: [odd] })
      const serve = fetchSessions(sessions, { form: true })(async (request) => new Response(await request.text()))
      fields.length = 0
      for (const [body, type] of [
        ['token=abc&x=1', 'application/x-www-form-urlencoded'],
        ['token=abc&x=1', 'Application/X-WWW-Form-Urlencoded; charset=UTF-8'],
        ['token=abc&x=1', 'text/plain'],
      ] as const) {
        expect(await (await serve(post(body, type))).text()).toBe(body)
      }
      await serve(get())
      expect(fields).toEqual(['abc', 'abc', undefined, undefined])
    })

    it('does not read forms unasked, and never a huge one to its end', async () => {
      const { sessions } = setUp({ carriers: [odd] })
      fields.length = 0
      await fetchSessions(sessions)(() => new Response())(post('token=abc'))
      const huge = `filler=${'x'.repeat(2_000_000)}&token=abc`
      const serve = fetchSessions(sessions, { form: true })(async (request) => new Response(await request.text()))
      expect((await (await serve(post(huge))).text()).length).toBe(huge.length)
      expect(fields).toEqual([undefined, undefined])
    })
  })
})
