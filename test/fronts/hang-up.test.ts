import { once } from 'node:events'
import net from 'node:net'
import { createSessions } from 'sojourn'
import { fetchSessions } from 'sojourn/fetch'
import { honoSessions } from 'sojourn/hono'
import { memoryStore } from 'sojourn/stores/memory'
import { pausableStore } from 'sojourn/testing'
import { describe, expect, it } from 'vitest'
import { createClient, createVisitor } from './client.ts'
import type { Endpoint } from './client.ts'
import type { Visit } from './driver.ts'
import { drivers } from './drivers/all.ts'

/** A connection from another address, with one request on it. */
async function connectElsewhere({ port }: Endpoint, cookie: string): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })
  const text = `GET /act HTTP/1.1\r\nHost: localhost\r\nCookie: ${cookie}\r\nX-Forwarded-Proto: https\r\n\r\n`
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.write(text, () => resolve())
  })
  return socket
}

async function hangUp(socket: net.Socket): Promise<void> {
  const closed = once(socket, 'close')
  socket.resetAndDestroy()
  await closed
}

// fetch knows addresses only from the application; a reset of TLS or HTTP/2 is the same to the fronts.
const overPlainHttp = drivers.filter(({ name }) => !/https|http2|h2|fetch/i.test(name))
// With the reset there already, Node often has no address to tell at all.
const moments = [
  { when: 'while the session is loaded', addresses: ['127.0.0.2'] },
  { when: 'at once', addresses: ['127.0.0.2', undefined, ''] },
]

describe.each(overPlainHttp)('$name', (driver) => {
  it.each(moments)(
    'CS-11: bound to an address, a session does nothing for a thief from elsewhere who hangs up $when (S1)',
    async ({ when, addresses }) => {
      const pausable = pausableStore(memoryStore())
      const sessions = createSessions<Visit>({ store: pausable.store, bind: 'client-address' })
      const acted: unknown[] = []
      const { endpoint, close } = await driver.start({
        sessions,
        handle: async ({ session, path }) => {
          if (path === '/login') await session.login('victim')
          else acted.push(session.subject)
          return { body: String(session.subject) }
        },
      })
      const client = createClient(endpoint)
      try {
        const victim = createVisitor(client)
        await victim.request('/login')
        const refused = new Promise<unknown>((resolve) => {
          sessions.on('mismatch', ({ clientAddress }) => resolve(clientAddress))
        })
        const release = pausable.hold({ method: 'get' })
        const thief = await connectElsewhere(endpoint, victim.cookie ?? '')
        if (when === 'at once') await hangUp(thief)
        const held = await pausable.nextHeld({ method: 'get' })
        if (when !== 'at once') await hangUp(thief)
        // An answer over another connection: by then the server knows of the reset.
        expect((await client.request('/')).status).toBe(200)
        held.release()
        expect(addresses).toContain(await refused)
        release()
        expect((await victim.request('/')).text).toBe('victim')
        expect(acted.filter((subject) => subject === 'victim')).toHaveLength(1)
      } finally {
        pausable.releaseAll()
        client.close()
        await close()
      }
    },
  )

  it('an unknown token is told with the address of the client that showed it, also when it hung up meanwhile (S1)', async () => {
    const pausable = pausableStore(memoryStore())
    const sessions = createSessions<Visit>({ store: pausable.store })
    const { endpoint, close } = await driver.start({ sessions, handle: () => ({ body: '' }) })
    const client = createClient(endpoint)
    try {
      const told = new Promise<unknown>((resolve) => {
        sessions.on('unknown', ({ clientAddress }) => resolve(clientAddress))
      })
      pausable.hold({ method: 'get' })
      const guesser = await connectElsewhere(endpoint, `__Host-id=${'A'.repeat(46)}`)
      const held = await pausable.nextHeld({ method: 'get' })
      await hangUp(guesser)
      await client.request('/')
      held.release()
      expect(await told).toBe('127.0.0.2')
    } finally {
      pausable.releaseAll()
      client.close()
      await close()
    }
  })
})

describe('a front that nobody tells the address of the client', () => {
  const sessions = createSessions({ store: memoryStore(), bind: 'client-address' })

  it('refuses at the start what it cannot bind (S1)', () => {
    expect(() => honoSessions(sessions)).toThrow(/^honoSessions: bind: 'client-address' .*clientAddress.*trustProxy/)
    expect(() => fetchSessions(sessions, { trustProxy: false })).toThrow(/^fetchSessions: bind: 'client-address'/)
    expect(() => honoSessions(sessions, { trustProxy: 1 })).not.toThrow()
    expect(() => fetchSessions(sessions, { clientAddress: () => '192.0.2.1' })).not.toThrow()
    expect(() => honoSessions(createSessions({ store: memoryStore(), bind: () => 'x' }))).not.toThrow()
  })
})
