import { setImmediate } from 'node:timers/promises'
import { text } from 'node:stream/consumers'
import { createSessions } from 'sojourn'
import type { Carrier, Sessions, SessionsOptions } from 'sojourn'
import { formCarrier } from 'sojourn/carriers/form'
import { csrf } from 'sojourn/csrf'
import { expect } from 'vitest'
import type { Client, Got } from './client.ts'
import { createClient, createVisitor } from './client.ts'
import type { Driver, Neighbour, Reply, Visit, Visited as Shown } from './driver.ts'
import type { WatchedStore } from './watched-store.ts'
import { companyCases } from './company-cases.ts'
import { statusCases } from './status-cases.ts'
import { watchedStore } from './watched-store.ts'

/** What a handler of a case gets. */
export interface Visited extends Shown {
  readonly sessions: Sessions<Visit>
}

type Handle = (visited: Visited) => Reply | Promise<Reply>

/** A running application, and what a test needs to look at it. */
export interface Scene {
  readonly sessions: Sessions<Visit>
  readonly watched: WatchedStore
  readonly client: Client
  /** One more client, with a connection of its own. */
  readonly connect: () => Client
}

/** One behaviour that every front must show. */
export interface FrontCase {
  /** A few words, for the table in the documentation. */
  readonly title: string
  readonly name: string
  readonly options?: Omit<SessionsOptions<Visit>, 'store' | 'initial'>
  /** Whether submitted forms are parsed. */
  readonly form?: boolean
  /** How many times the front is installed. */
  readonly installed?: number
  /** What other middleware there is. */
  readonly neighbour?: Neighbour
  readonly handle: Handle
  readonly run: (scene: Scene) => Promise<void>
}

/** Plays a case with one front. */
export async function play(
  driver: Driver,
  { handle, run, options, form, installed, neighbour }: FrontCase,
): Promise<void> {
  const watched = watchedStore()
  const sessions = createSessions<Visit>({ store: watched.store, initial: () => ({}), ...options })
  const running = await driver.start({
    sessions,
    handle: (shown) => handle({ ...shown, sessions }),
    ...(form !== undefined && { form }),
    ...(installed !== undefined && { installed }),
    ...(neighbour !== undefined && { neighbour }),
  })
  const clients: Client[] = []
  const connect = (): Client => {
    const client = createClient(running.endpoint)
    clients.push(client)
    return client
  }
  try {
    await run({ sessions, watched, client: connect(), connect })
  } finally {
    for (const client of clients) client.close()
    await running.close()
    await sessions.close()
  }
}

/** Lets everything happen that is not waiting for the store. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await setImmediate()
}

/** Whether the promise is settled by the time that nothing else is left to happen. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const note = (): void => {
    settled = true
  }
  promise.then(note, note)
  await settle()
  return settled
}

function first(got: Got, name: string): string | undefined {
  return got.all(name)[0]
}

/** What must never be cached for others; and nothing that the application needs is lost. */
function expectPrivate(got: Got): void {
  expect(first(got, 'cache-control')).toBe('private, no-store')
  expect(first(got, 'vary')?.toLowerCase()).toContain('cookie')
}

const count = ({ session }: Visited): Reply => {
  session.data.count = (session.data.count ?? 0) + 1
  return { body: `count ${session.data.count}` }
}

const OPERATIONS: Readonly<Record<string, (visited: Visited) => unknown>> = {
  none: () => undefined,
  has: ({ session }) => session.has('count'),
  keys: ({ session }) => session.keys(),
  get: ({ session }) => session.get('count'),
  size: ({ session }) => session.entries().length,
  subject: ({ session }) => session.subject,
  set: ({ session }) => session.set('name', 'changed'),
  rotate: ({ session }) => session.rotate(),
  logout: ({ session }) => session.logout(),
}

const RESPONSES: Readonly<Record<string, Reply>> = {
  200: { body: 'page' },
  302: { redirect: '/elsewhere' },
  304: { status: 304 },
  401: { status: 401, body: 'sign in' },
  404: { status: 404, body: 'nothing here' },
  500: { status: 500, body: 'broken' },
}

const PUBLIC = { 'Cache-Control': 'public, max-age=60', Vary: 'Accept' }

async function* pieces(...texts: readonly string[]): AsyncIterable<string> {
  for (const piece of texts) {
    await setImmediate()
    yield piece
  }
}

function combined(visited: Visited): Promise<Reply> {
  const { path } = visited
  const [, operation = '', response = ''] = path.split('/')
  const reply: Reply = response === 'stream' ? { stream: pieces('one ', 'two') } : (RESPONSES[response] ?? {})
  return Promise.resolve(OPERATIONS[operation]?.(visited)).then(() => {
    // A redirect is built by the framework itself in most fronts, and some of those cannot be given headers.
    return reply.redirect === undefined ? { ...reply, headers: PUBLIC } : reply
  })
}

/** The table; made anew for each front, because some cases remember what happened. */
export const frontCases = (): readonly FrontCase[] => [
  {
    title: 'untouched session',
    name: 'a handler that never touches the session causes no store call, no cookie and no header',
    handle: () => ({ body: 'hello', headers: { 'Cache-Control': 'public, max-age=60' } }),
    run: async ({ client, watched }) => {
      const got = await client.request('/')
      expect(got.text).toBe('hello')
      expect(got.cookies).toEqual([])
      expect(first(got, 'cache-control')).toBe('public, max-age=60')
      expect(got.all('vary').filter((value) => /cookie/i.test(value))).toEqual([])
      expect(watched.calls()).toEqual([])
    },
  },
  {
    title: 'only read',
    name: 'an anonymous visitor whose session is only read gets no cookie and no record',
    handle: ({ session }) => ({ body: String(session.data.count) }),
    run: async ({ client, watched }) => {
      const got = await client.request('/')
      expect(got.text).toBe('undefined')
      expect(got.cookies).toEqual([])
      expectPrivate(got)
      expect(watched.calls()).toEqual([])
    },
  },
  {
    title: 'first write',
    name: 'a first write hands out one cookie that browsers protect, and the next request finds the data',
    handle: count,
    run: async ({ client, watched }) => {
      const visitor = createVisitor(client)
      const got = await visitor.request('/')
      expect(got.cookies).toHaveLength(1)
      expect(got.cookies[0]).toMatch(/^__Host-id=[A-Za-z0-9_-]{46}; /)
      expect(got.cookies[0]?.split('; ').slice(1).toSorted()).toEqual(['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure'])
      expectPrivate(got)
      expect(watched.writes()).toEqual(['insert'])
      const again = await visitor.request('/')
      expect(again.text).toBe('count 2')
      expect(again.cookies).toEqual([])
      expect(watched.writes()).toEqual(['insert', 'update'])
    },
  },
  {
    title: 'read again',
    name: 'reading an existing session writes nothing',
    handle: (visited) => (visited.path === '/write' ? count(visited) : { body: `saw ${visited.session.data.count}` }),
    run: async ({ client, watched }) => {
      const visitor = createVisitor(client)
      await visitor.request('/write')
      watched.forget()
      const got = await visitor.request('/read')
      expect(got.text).toBe('saw 1')
      expect(watched.calls()).toEqual(['get'])
    },
  },
  {
    title: 'redirect',
    name: 'Y37: what a handler changed is saved when it redirects',
    handle: ({ session, path }) => {
      if (path !== '/') return { body: `count ${session.data.count}` }
      session.data.count = 7
      return { redirect: '/target' }
    },
    run: async ({ client }) => {
      const visitor = createVisitor(client)
      const got = await visitor.request('/')
      expect(got.status).toBe(302)
      expect(first(got, 'location')).toMatch(/\/target$/)
      expect(got.cookies).toHaveLength(1)
      expect((await visitor.request('/target')).text).toBe('count 7')
    },
  },
  {
    title: 'redirect waits for the save',
    name: 'RACE-13: a redirect does not reach the client before the save is done',
    handle: ({ session, path }) => {
      if (path !== '/login') return { body: `name ${session.data.name}` }
      session.data.name = 'ada'
      return { redirect: '/home' }
    },
    run: async ({ client, watched }) => {
      const visitor = createVisitor(client)
      const inserting = watched.hold('insert')
      const redirected = visitor.request('/login')
      const release = await inserting
      expect(await isSettled(redirected)).toBe(false)
      release()
      expect((await redirected).status).toBe(302)
      expect((await visitor.request('/home')).text).toBe('name ada')
    },
  },
  {
    title: 'error thrown',
    name: 'Y37: what a handler changed before it threw is saved, and the client gets an error',
    handle: ({ session, path }) => {
      if (path === '/read') return { body: `count ${session.data.count}` }
      session.data.count = 50
      if (path === '/throw') throw new Error('broken on purpose')
      return { body: 'written' }
    },
    run: async ({ client }) => {
      const visitor = createVisitor(client)
      await visitor.request('/write')
      const got = await visitor.request('/throw')
      expect(got.status).toBe(500)
      expect((await visitor.request('/read')).text).toBe('count 50')
    },
  },
  {
    title: 'streaming',
    name: 'a streamed body begins only after the save, and arrives whole',
    handle: ({ session }) => {
      session.data.count = 1
      return { stream: pieces('one ', 'two ', 'three') }
    },
    run: async ({ client, watched }) => {
      const inserting = watched.hold('insert')
      const { opened } = client.open('/')
      const release = await inserting
      expect(await isSettled(opened)).toBe(false)
      release()
      const { body, all } = await opened
      expect(all('set-cookie')).toHaveLength(1)
      expect(await text(body)).toBe('one two three')
    },
  },
  {
    title: 'not found, 304, HEAD',
    name: 'a page that is not found, an unchanged page and a HEAD request carry the session like any other',
    handle: ({ session, path }) => {
      session.data.count = (session.data.count ?? 0) + 1
      if (path === '/head') return { body: 'never sent' }
      return path === '/same' ? { status: 304, headers: { ETag: '"1"' } } : { status: 404, body: 'nothing here' }
    },
    run: async ({ client, sessions }) => {
      const visitor = createVisitor(client)
      const missing = await visitor.request('/missing')
      expect([missing.status, missing.text, missing.cookies.length]).toEqual([404, 'nothing here', 1])
      const same = await visitor.request('/same', { headers: { 'if-none-match': '"1"' } })
      expect([same.status, same.text]).toEqual([304, ''])
      expectPrivate(same)
      const head = await visitor.request('/head', { method: 'HEAD' })
      expect([head.status, head.text]).toEqual([200, ''])
      expectPrivate(head)
      const session = await sessions.openReadOnly({
        method: 'GET',
        url: '/',
        secure: true,
        header: (name) => (name === 'cookie' ? visitor.cookie : undefined),
      })
      expect(session.data.count).toBe(3)
    },
  },
  {
    title: 'rotation and login',
    name: 'a rotation and a login give the client a new token for the same data, and the old token opens nothing',
    handle: async ({ session, path }) => {
      if (path === '/rotate') await session.rotate({ grace: '0s' })
      if (path === '/login') await session.login('ada', { keep: 'all' })
      if (path === '/write') session.data.name = 'kept'
      if (path === '/count') await session.increment('count')
      return { body: `${session.subject ?? 'nobody'} ${session.data.name}` }
    },
    run: async ({ client }) => {
      const visitor = createVisitor(client)
      await visitor.request('/write')
      for (const path of ['/rotate', '/login']) {
        const before = visitor.cookie
        const got = await visitor.request(path)
        expect(got.cookies).toHaveLength(1)
        expect(visitor.cookie).not.toBe(before)
        const late = await client.request('/', { headers: { cookie: before ?? '' } })
        expect(late.text).toBe('nobody undefined')
        expect(late.cookies).toEqual([])
        // What it changes cannot be kept, and it is told so (F2 F3).
        for (const change of ['/write', '/count']) {
          const refused = await client.request(change, { headers: { cookie: before ?? '' } })
          expect([refused.status, refused.cookies, refused.text.includes('nobody')]).toEqual([409, [], false])
        }
      }
      expect((await visitor.request('/')).text).toBe('ada kept')
    },
  },
  {
    title: 'destroy',
    name: 'a destroyed session takes its cookie away',
    handle: async ({ session, path }) => {
      if (path === '/end') await session.destroy()
      else session.data.name = 'ada'
      return { body: `name ${session.data.name}` }
    },
    run: async ({ client, watched }) => {
      const visitor = createVisitor(client)
      await visitor.request('/')
      const cookie = visitor.cookie ?? ''
      const got = await visitor.request('/end')
      expect(got.text).toBe('name undefined')
      expect(got.cookies).toHaveLength(1)
      expect(got.cookies[0]).toMatch(/^__Host-id=; .*Max-Age=0/)
      expect(visitor.cookie).toBeUndefined()
      watched.forget()
      await client.request('/end', { headers: { cookie } })
      expect(watched.writes()).toEqual([])
    },
  },
  {
    title: 'overlapping requests',
    name: 'two requests at the same time keep what both changed',
    handle: async ({ session, path }) => {
      if (path === '/a') session.data.a = 1
      if (path === '/b') session.data.b = 2
      if (path === '/name') session.data.name = 'ada'
      return { body: JSON.stringify(session.data) }
    },
    run: async ({ client, watched, connect }) => {
      const visitor = createVisitor(client)
      await visitor.request('/name')
      watched.forget()
      const headers = { cookie: visitor.cookie ?? '' }
      const updating = watched.hold('update')
      const a = visitor.request('/a')
      const release = await updating
      const b = connect().request('/b', { headers })
      while (watched.calls().filter((method) => method === 'update').length < 2) await setImmediate()
      expect(await isSettled(Promise.race([a, b]))).toBe(false)
      release()
      await Promise.all([a, b])
      expect(JSON.parse((await visitor.request('/')).text)).toEqual({ name: 'ada', a: 1, b: 2 })
    },
  },
  {
    title: 'store outage at the load',
    name: 'STORE-1: a session that cannot be loaded is an error, not a new visitor, and the next request works again',
    handle: count,
    run: async ({ client, watched }) => {
      const visitor = createVisitor(client)
      await visitor.request('/')
      watched.fail('get')
      const got = await visitor.request('/')
      expect(got.status).toBe(503)
      expect(got.cookies).toEqual([])
      expect(first(got, 'cache-control')).toContain('no-store')
      expect(got.text).not.toContain('hunter2')
      expect(watched.writes()).toEqual(['insert'])
      watched.heal()
      expect((await visitor.request('/')).text).toBe('count 2')
    },
  },
  {
    title: 'store outage at the save',
    name: 'STORE-2: a session that cannot be saved is an error, and nothing of the page is sent',
    handle: (visited) => ({
      ...count(visited),
      headers: { ETag: '"page"', 'Set-Cookie': 'page=1', 'Content-Type': 'text/x-page', 'Last-Modified': 'today' },
    }),
    run: async ({ client, watched }) => {
      const visitor = createVisitor(client)
      for (const method of ['insert', 'update'] as const) {
        watched.fail(method)
        const got = await visitor.request('/')
        expect(got.status).toBe(503)
        expect(got.cookies).toEqual([])
        expect(got.text).not.toContain('count')
        expect(got.text).not.toContain('hunter2')
        expect([got.all('etag'), got.all('last-modified')]).toEqual([[], []])
        expect(first(got, 'content-type')).not.toBe('text/x-page')
        expect(first(got, 'cache-control')).toContain('no-store')
        watched.heal()
        expect((await visitor.request('/')).text).toBe(method === 'insert' ? 'count 1' : 'count 2')
      }
    },
  },
  {
    title: 'store outage at the end',
    name: 'STORE-3: a session that cannot be destroyed is an error, the cookie stays, and it can be tried again',
    handle: async ({ session, path }) => {
      if (path === '/end') await session.destroy()
      else session.data.name = 'ada'
      return { body: 'done' }
    },
    run: async ({ client, watched }) => {
      const visitor = createVisitor(client)
      await visitor.request('/')
      watched.fail('delete')
      const got = await visitor.request('/end')
      expect(got.status).toBeGreaterThanOrEqual(500)
      expect(got.text).not.toContain('done')
      expect(got.cookies).toEqual([])
      watched.heal()
      const again = await visitor.request('/end')
      expect([again.status, again.text]).toEqual([200, 'done'])
      expect(again.cookies).toHaveLength(1)
    },
  },
  {
    title: 'caching headers',
    name: 'VULN-12 ASVS5-14.2.2 WSTG-SESS-04: every way to use a session, in every kind of response, keeps shared caches away',
    handle: combined,
    run: async ({ client }) => {
      for (const operation of Object.keys(OPERATIONS)) {
        for (const response of [...Object.keys(RESPONSES), 'stream']) {
          const visitor = createVisitor(client)
          await visitor.request('/set/200')
          const got = await visitor.request(`/${operation}/${response}`)
          const what = `${operation} in ${response}`
          expect(got.status, what).toBe(Number(response === 'stream' ? 200 : response))
          if (operation === 'none') {
            expect(first(got, 'cache-control'), what).toBe(response === '302' ? undefined : 'public, max-age=60')
            continue
          }
          expect(first(got, 'cache-control'), what).toBe('private, no-store')
          const vary = got.all('vary').join(', ').toLowerCase().split(/, */)
          expect(vary, what).toContain('cookie')
          if (response !== '302') expect(vary, what).toContain('accept')
          expect(got.cookies.length, what).toBe(operation === 'rotate' || operation === 'logout' ? 1 : 0)
        }
      }
    },
  },
  {
    title: 'shared cache',
    name: 'VULN-12: a shared cache in front never gives one visitor the page or the cookie of another',
    handle: ({ session }) => {
      session.data.name ??= crypto.randomUUID()
      return { body: session.data.name, headers: { 'Cache-Control': 'public, max-age=60' } }
    },
    run: async ({ client }) => {
      const stored = new Map<string, Got>()
      const cached = async (path: string): Promise<Got> => {
        const hit = stored.get(path)
        if (hit !== undefined) return hit
        const got = await client.request(path)
        if (!/no-store|private/.test(got.all('cache-control').join())) stored.set(path, got)
        return got
      }
      const [ada, bob] = [await cached('/'), await cached('/')]
      expect(bob.text).not.toBe(ada.text)
      expect(bob.cookies).not.toEqual(ada.cookies)
    },
  },
  {
    title: 'one connection, two visitors',
    name: 'VULN-31: the next request on the same connection sees nothing of the one before, and no token in a URL works',
    handle: ({ session }) => {
      const seen = `${session.isNew} ${JSON.stringify(session.data)}`
      session.data.name = 'first'
      return { body: seen }
    },
    run: async ({ client }) => {
      const visitor = createVisitor(client)
      const one = await visitor.request('/')
      const two = await client.request('/')
      expect(two.connection).toBe(one.connection)
      expect(two.text).toBe('true {}')
      expect(two.cookies).toHaveLength(1)
      expect(two.cookies).not.toEqual(one.cookies)
      const three = await client.request(`/?${visitor.cookie}`)
      expect(three.text).toBe('true {}')
      expect((await visitor.request('/')).text).toBe('false {"name":"first"}')
    },
  },
  {
    title: 'saved by hand',
    name: 'RACE-17: a save by hand and the one at the end make one write',
    handle: async ({ session }) => {
      session.data.count = (session.data.count ?? 0) + 1
      await session.save()
      return { body: 'saved' }
    },
    run: async ({ client, watched }) => {
      const visitor = createVisitor(client)
      const got = await visitor.request('/')
      expect(got.cookies).toHaveLength(1)
      expect(watched.writes()).toEqual(['insert'])
      await visitor.request('/')
      expect(watched.writes()).toEqual(['insert', 'update'])
    },
  },
  clientGoesAway(),
  {
    title: 'ambient session',
    name: 'the session is the current one wherever the handler leads, also for two requests at the same time',
    handle: async ({ sessions, session, path }) => {
      await setImmediate()
      const current = await Promise.resolve().then(() => sessions.current())
      if (current !== session) throw new Error('another session is the current one')
      current.data.name = path
      await setImmediate()
      return { body: String(sessions.current().data.name) }
    },
    run: async ({ sessions, client, connect }) => {
      expect(() => sessions.current()).toThrow(/no request/)
      const both = await Promise.all([client.request('/one'), connect().request('/two')])
      expect(both.map((got) => got.text)).toEqual(['/one', '/two'])
      const headers = { 'content-type': 'application/json' }
      expect((await client.request('/posted', { method: 'POST', headers, body: '{"a":1}' })).text).toBe('/posted')
    },
  },
  {
    title: 'error page',
    name: "the framework's own page for an error is the visitor's: it hands out the cookie, and no cache keeps it",
    handle: ({ session, path }) => {
      if (path === '/read') return { body: String(session.data.name) }
      session.data.name = 'kept'
      throw new Error('broken on purpose')
    },
    run: async ({ client }) => {
      const visitor = createVisitor(client)
      const got = await visitor.request('/')
      expect([got.status, got.cookies.length]).toEqual([500, 1])
      expectPrivate(got)
      expect((await visitor.request('/read')).text).toBe('kept')
    },
  },
  {
    title: 'answer of the session',
    name: 'what the session answers itself is given instead of the page, and the handler is not called',
    options: { refusal: { answer: 'message', status: 403 } },
    handle: count,
    run: async ({ client, watched }) => {
      const got = await client.request('/', { headers: { cookie: `__Host-id=${'A'.repeat(46)}` } })
      expect([got.status, got.text, watched.writes()]).toEqual([403, 'Session expired', []])
      expect(got.cookies[0]).toMatch(/^__Host-id=; .*Max-Age=0/)
      expect(got.all('cache-control').join()).toContain('no-store')
      expect((await client.request('/')).text).toBe('count 1')
    },
  },
  {
    title: 'several tokens',
    name: 'a sign-in that several tokens make unclear is refused, and its response clears what the site used before (F6)',
    options: { cookie: { retired: [{ name: 'connect.sid' }] } },
    handle: async ({ session }) => {
      await session.login('ann')
      return { body: 'welcome' }
    },
    run: async ({ client, watched }) => {
      const shown = [`__Host-id=${'A'.repeat(46)}`, `__Host-id=${'B'.repeat(46)}`, 'connect.sid=s%3Ax'].join('; ')
      const got = await client.request('/', { headers: { cookie: shown } })
      expect(got.status).toBeGreaterThanOrEqual(400)
      expect(got.text).not.toBe('welcome')
      expect(got.cookies).toEqual([expect.stringMatching(/^connect\.sid=; Path=\/; Max-Age=0/)])
      expect(watched.writes()).toEqual([])
    },
  },
  {
    title: 'client address',
    name: 'a session that is bound to its client follows what the trusted proxy says of the address, and no more',
    options: { bind: 'client-address' },
    handle: count,
    run: async ({ client }) => {
      const visitor = createVisitor(client)
      const from = (addresses: string): { headers: Record<string, string> } => ({
        headers: { 'x-forwarded-for': addresses },
      })
      await visitor.request('/', from('6.6.6.6, 1.1.1.1'))
      expect((await visitor.request('/', from('7.7.7.7, 1.1.1.1'))).text).toBe('count 2')
      expect((await visitor.request('/', from('1.1.1.1, 2.2.2.2'))).text).toBe('count 1')
    },
  },
  {
    title: 'token in a form',
    name: 'Y2: a token in a submitted form goes on with the session, once the framework has parsed it',
    options: { carriers: [formCarrier()] },
    form: true,
    handle: ({ session, path, sessions }) => {
      if (sessions.current() !== session) throw new Error('another session is the current one')
      session.start()
      session.data.count = (session.data.count ?? 0) + 1
      return { body: `${path} ${session.data.count} ${session.credential('form')}` }
    },
    run: async ({ client }) => {
      const post = async (fields: Readonly<Record<string, string>>): Promise<readonly string[]> => {
        const headers = { 'content-type': 'application/x-www-form-urlencoded', referer: 'https://localhost/' }
        const body = new URLSearchParams(fields).toString()
        return (await client.request('/save', { method: 'POST', headers, body })).text.split(' ')
      }
      const [path, first, sid = ''] = await post({ note: 'no token yet' })
      expect([path, first]).toEqual(['/save', '1'])
      expect((await post({ sid })).slice(0, 2)).toEqual(['/save', '2'])
    },
  },
  {
    title: 'form of a page',
    name: 'the form of a page of the same origin passes the guard, and that of another origin does not',
    handle: ({ session }) => {
      const guard = csrf()
      const token = session.facts.method === 'GET' ? guard.token(session) : ''
      return { body: `${session.facts.header('host')} ${guard.check(session)} ${token}` }
    },
    run: async ({ client }) => {
      const visitor = createVisitor(client)
      const [host = '', , token = ''] = (await visitor.request('/')).text.split(' ')
      expect(host).toMatch(/^127\.0\.0\.1:\d+$/)
      const post = async (origin: string): Promise<string | undefined> => {
        const headers = { origin, 'x-csrf-token': token }
        return (await visitor.request('/', { method: 'POST', headers })).text.split(' ')[1]
      }
      expect(await post(`https://${host}`)).toBe('true')
      expect(await post('https://other.example')).toBe('false')
    },
  },
  {
    title: 'token in a URL',
    name: 'VULN-31: a token in a URL goes on with the session where that is asked for, and no handler sees it',
    options: { carriers: [inQuery()] },
    handle: (visited) => ({ body: `${visited.path} ${count(visited).body}` }),
    run: async ({ client }) => {
      const got = await client.request('/page?a=1')
      const token = first(got, 'x-token') ?? ''
      expect(token).toHaveLength(46)
      const again = await client.request(`/page?a=1&token=${token}&b=2`)
      expect(again.text).toBe('/page?a=1&b=2 count 2')
    },
  },
  {
    title: 'installed twice',
    name: 'Y22: a front that is installed twice loads once and saves once',
    installed: 2,
    handle: count,
    run: async ({ client, watched }) => {
      const visitor = createVisitor(client)
      expect((await visitor.request('/')).cookies).toHaveLength(1)
      expect(watched.calls()).toEqual(['insert'])
      watched.forget()
      expect((await visitor.request('/')).text).toBe('count 2')
      expect(watched.calls()).toEqual(['get', 'update'])
    },
  },
  ...statusCases,
  ...companyCases,
]

/** A carrier as an application may write one: the token comes in a parameter and goes out in a header. */
export function inQuery(): Carrier {
  const parameter = /([?&])token=([\w-]+)(?:&|$)/
  return {
    name: 'query',
    isFallback: false,
    carriesSubjects: true,
    vary: ['cookie'],
    read: (facts) => [parameter.exec(facts.url)?.[2]].filter((token) => token !== undefined),
    hand: (token) => ({ headers: [['x-token', token]] }),
    clear: () => ({}),
    strip: (url) => url.replace(parameter, '$1').replace(/[?&]$/, ''),
  }
}

function clientGoesAway(): FrontCase {
  const arrived = Promise.withResolvers<void>()
  const left = Promise.withResolvers<void>()
  return {
    title: 'client goes away',
    name: 'RACE-18: a client that goes away in the middle of a handler leaves one save and no error behind',
    handle: async ({ session, path }) => {
      if (path === '/read') return { body: `count ${session.data.count}` }
      session.data.count = (session.data.count ?? 0) + 1
      if (path === '/slow') {
        arrived.resolve()
        await left.promise
      }
      return { body: 'written' }
    },
    run: async ({ client, watched, connect }) => {
      const visitor = createVisitor(client)
      await visitor.request('/write')
      watched.forget()
      const { opened, abort } = connect().open('/slow', { headers: { cookie: visitor.cookie ?? '' } })
      opened.catch(() => undefined)
      await arrived.promise
      abort()
      await expect(opened).rejects.toThrow(/hang up|closed|abort/i)
      await settle()
      left.resolve()
      while (watched.writes().length === 0) await setImmediate()
      await settle()
      expect(watched.writes()).toEqual(['update'])
      expect((await visitor.request('/read')).text).toBe('count 2')
    },
  }
}
