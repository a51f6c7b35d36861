import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { RunningServer, ServerOptions } from './support/server.ts'
import { spawnServer, startServer, temporaryFolder } from './support/server.ts'

const stores = ['sqlite', 'file'] as const
let folder = temporaryFolder()
const running: RunningServer[] = []

beforeEach(() => {
  folder = temporaryFolder()
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()))
  folder.remove()
})

async function start(options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const server = await startServer({ dataFolder: folder.path, ...options })
  running.push(server)
  return server
}

it('makes its data folder, prints the address, and sends pages with strict headers', async () => {
  const dataFolder = join(folder.path, 'not', 'there')
  const server = await start({ dataFolder })
  expect(existsSync(dataFolder)).toBe(true)
  expect(server.output()).toMatch(/^The Reading Room is open at http:\/\/127\.0\.0\.1:\d+\n$/)
  const answer = await fetch(server.url)
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  expect(answer.headers.get('x-powered-by')).toBeNull()
  expect(answer.headers.get('cache-control')).toContain('no-store')
})

it('VULN-12: the stylesheet may be cached, and nothing that belongs to a visitor', async () => {
  const server = await start()
  const sheet = await fetch(`${server.url}/style.css`)
  expect(sheet.headers.get('cache-control')).toBe('public, max-age=3600')
  const counter = await fetch(`${server.url}/count`)
  expect(counter.headers.get('cache-control')).toBe('private, no-store')
  expect(counter.headers.getSetCookie()[0]).toMatch(/^id=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/i)
  expect(sheet.headers.getSetCookie()).toEqual([])
})

it('in production, behind a proxy that ends https, the cookie is bound to this host and to https', async () => {
  const server = await start({ isProduction: true })
  const answer = await fetch(`${server.url}/count`, { headers: { 'X-Forwarded-Proto': 'https' } })
  expect(answer.headers.getSetCookie()[0]).toMatch(/^__Host-id=[^;]+; Path=\/; Secure; HttpOnly; SameSite=Lax$/i)
  expect(server.output().split('\n')).toHaveLength(2)
})

it('in production only, browsers are told to come by https (S11)', async () => {
  const [production, development] = [await start({ isProduction: true }), await start()]
  const hsts = async (server: RunningServer): Promise<string | null> =>
    (await fetch(`${server.url}/style.css`)).headers.get('strict-transport-security')
  expect(await hsts(production)).toBe('max-age=31536000')
  expect(await hsts(development)).toBeNull()
})

it('after signing in nobody is led to another site, however the way back is written (S8)', async () => {
  const server = await start()
  const ways = [
    '/.//evil.example/x',
    '/%2e//evil.example',
    '/a/..//evil.example',
    '/.\\/evil.example',
    '//evil.example',
  ]
  const visitor = await signedUp(server)
  for (const next of [...ways, '/orders?page=2']) {
    const { status, location } = await visitor.signIn(visitor.password, next)
    expect([status, location]).toEqual([303, next.startsWith('/orders') ? next : '/'])
  }
})

it('wrong passwords are answered ten times for one account, and other accounts are served on (S11)', async () => {
  const server = await start()
  const [ann, bob] = [await signedUp(server), await signedUp(server)]
  const wrong: number[] = []
  for (let attempt = 0; attempt < 11; attempt++) wrong.push((await ann.signIn('not the password')).status)
  expect(wrong).toEqual([...Array<number>(10).fill(422), 429])
  expect((await ann.signIn(ann.password)).status).toBe(429)
  expect((await bob.signIn(bob.password)).status).toBe(303)
})

it('wrong passwords from one network are answered thirty times, whatever the accounts (S11)', async () => {
  const server = await start()
  const visitor = await signedUp(server)
  const statuses: number[] = []
  for (let attempt = 0; attempt < 31; attempt++) {
    statuses.push((await visitor.signIn('not the password', '/', `nobody${attempt}@example.org`)).status)
  }
  expect(statuses.filter((status) => status === 422)).toHaveLength(30)
  expect(statuses.at(-1)).toBe(429)
})

interface Guest {
  readonly password: string
  signIn(password: string, next?: string, email?: string): Promise<{ status: number; location: string | null }>
}

let guests = 0

/** A person with an account and without a browser. */
async function signedUp({ url }: RunningServer): Promise<Guest> {
  const email = `guest${++guests}@example.org`
  const password = 'a long enough password'
  let cookie = ''
  const send = async (path: string, form: Readonly<Record<string, string>>): Promise<Response> => {
    const page = await fetch(url + path, { headers: { cookie } })
    cookie = page.headers.getSetCookie()[0]?.split(';')[0] ?? cookie
    const token = /name="_csrf" value="([^"]+)"/.exec(await page.text())?.[1] ?? ''
    const body = new URLSearchParams({ ...form, _csrf: token })
    const answer = await fetch(url + path, { method: 'POST', headers: { cookie }, body, redirect: 'manual' })
    cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? cookie
    return answer
  }
  expect((await send('/sign-up', { name: 'Guest', email, password })).status).toBe(303)
  return {
    password,
    signIn: async (tried, next = '/', as = email) => {
      const answer = await send(`/sign-in?next=${encodeURIComponent(next)}`, { email: as, password: tried })
      return { status: answer.status, location: answer.headers.get('location') }
    },
  }
}

it('says in one line that the port is taken, and ends with 1', async () => {
  const { port } = await start()
  const second = spawnServer({ PORT: String(port), READING_ROOM_DATA: folder.path })
  expect((await second.exit).code).toBe(1)
  expect(second.errors()).toBe(
    `Port ${port} is taken by another program. Choose one with PORT=3001, or stop that program.\n`,
  )
})

it.each([
  [{ PORT: '80a' }, 'PORT is "80a": expected a number from 0 to 65535\n'],
  [{ PORT: '70000' }, 'PORT is "70000": expected a number from 0 to 65535\n'],
  [{ SESSION_STORE: 'paper' }, 'SESSION_STORE must be sqlite, file, postgres://…, mysql://… or redis://…\n'],
  [
    { SESSION_STORE: 'postgres://ann:secret@:port' },
    'SESSION_STORE must be sqlite, file, postgres://…, mysql://… or redis://…\n',
  ],
])('refuses to start with %j, and says why', async (environment, message) => {
  const server = spawnServer({ PORT: '0', READING_ROOM_DATA: folder.path, ...environment })
  expect((await server.exit).code).toBe(1)
  expect(server.errors()).toBe(message)
})

it.each(['SIGTERM', 'SIGINT'] as const)('%s lets a running request finish, and ends with 0', async (signal) => {
  const server = await start()
  const idle = new Agent({ keepAlive: true })
  await get(server.url, idle)
  const form = await get(`${server.url}/sign-in`, idle)
  const token = /name="_csrf" value="([^"]+)"/.exec(form.body)?.[1] ?? ''
  const cookie = form.response.headers['set-cookie']?.[0]?.split(';')[0] ?? ''
  const body = new URLSearchParams({ _csrf: token, email: 'nobody@example.org', password: 'wrong' }).toString()

  // The whole body but its last byte: the request is under way, and cannot finish before the signal.
  const post = request(`${server.url}/sign-in`, {
    method: 'POST',
    headers: { Cookie: cookie, 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': body.length },
  })
  post.write(body.slice(0, -1))
  await expect.poll(() => isOpenFor(server)).toBe(true)
  server.signal(signal)
  await expect.poll(() => isOpenFor(server)).toBe(false)
  post.end(body.slice(-1))
  const [response] = (await once(post, 'response')) as [IncomingMessage]
  expect(response.statusCode).toBe(422)
  response.resume()
  expect(await server.exit).toEqual({ code: 0, signal: null })
  expect(server.output().split('\n')).toHaveLength(2)
  idle.destroy()
})

it.each(stores)('K13: a session in the %s store lives on after a restart', async (store) => {
  const first = await start({ store })
  const cookie = (await fetch(`${first.url}/count`)).headers.getSetCookie()[0]?.split(';')[0] ?? ''
  expect(cookie).toMatch(/^id=/)
  expect((await first.stop()).code).toBe(0)
  const second = await start({ store })
  const page = await (await fetch(`${second.url}/count`, { headers: { Cookie: cookie } })).text()
  expect(page).toContain('<output class="numeral">2</output>')
})

it('STORE-2 STORE-5: while sessions cannot be saved the answer is a 503 page, the cookie stays, and all goes on afterwards', async () => {
  const server = await start()
  const count = (cookie: string): Promise<Response> => fetch(`${server.url}/count`, { headers: { Cookie: cookie } })
  const cookie = (await count('')).headers.getSetCookie()[0]?.split(';')[0] ?? ''

  const lock = new DatabaseSync(join(folder.path, 'sessions.db'))
  lock.exec('BEGIN IMMEDIATE')
  const refused = await count(cookie)
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
  expect(await refused.text()).toContain('The cloakroom is closed for a moment')
  expect(refused.headers.getSetCookie()).toEqual([])
  expect((await fetch(server.url)).status).toBe(200)
  lock.exec('ROLLBACK')
  lock.close()

  // Whether a write took effect whose answer came too late is not known; that the session lives on is.
  const counted = async (): Promise<number> =>
    Number(/<output class="numeral">(\d+)/.exec(await (await count(cookie)).text())?.[1])
  const after = await counted()
  expect([2, 3]).toContain(after)
  expect(await counted()).toBe(after + 1)
})

it('answers what is not there, what is too long and what is no form with pages of its own', async () => {
  const server = await start()
  const nowhere = await fetch(`${server.url}/nowhere`)
  expect([nowhere.status, await nowhere.text()]).toEqual([404, expect.stringContaining('Not on our shelves')])
  const type = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const long = await fetch(`${server.url}/sign-in`, { method: 'POST', headers: type, body: 'a'.repeat(100_000) })
  expect([long.status, await long.text()]).toEqual([413, expect.stringContaining('Too long')])
  const garbled = await fetch(`${server.url}/articles/%E0%A4%A`)
  expect([garbled.status, await garbled.text()]).toEqual([400, expect.stringContaining('Not understood')])
})

async function get(url: string, agent: Agent): Promise<{ response: IncomingMessage; body: string }> {
  const sent = request(url, { agent })
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of response) body += String(chunk)
  return { response, body }
}

async function isOpenFor(server: RunningServer): Promise<boolean> {
  return fetch(`${server.url}/style.css`, { headers: { Connection: 'close' } }).then(
    (answer) => answer.ok,
    () => false,
  )
}
