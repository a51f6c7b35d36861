// NIST SP 800-63B-4, sections 5.1, 5.1.1 and 5.2, where it speaks to a library. NIST-5.2-3 is the policy of ASVS5-7.1.1.
// NIST-2.2.3 (a session that has been idle for too long may be resumed with one factor) is a MAY that is not offered:
// the session ends. What the cookie looks like is shown beside the cookie, and form tokens beside src/csrf.ts.
import { readFileSync, readdirSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { cookieCarrier } from '../../src/core/web/cookie-carrier.ts'
import { createSessions, nist } from '../../src/index.ts'
import { csrf } from '../../src/csrf.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { DAY, HOUR, MINUTE, bed, copyOf, newClient, testClock, tokenOf } from '../support/bed.ts'
import { inMemory, onEachStore, whoIs } from './world.ts'

afterEach(() => vi.unstubAllEnvs())

describe('session secrets', () => {
  onEachStore('NIST-5.1-1: the secret is made by the host, at the authentication', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.start())
    const before = tokenOf(client)
    await world.visit(client, (session) => session.login('ann'))
    expect(tokenOf(client)).not.toBe(before)
  })

  onEachStore(
    'NIST-5.1-3: at logout the secret is void on the server, and is taken away from the client',
    async (world) => {
      const client = await world.signedIn('ann')
      const copied = copyOf(client)
      const session = await world.open(client)
      await session.logout()
      const [line] = (await world.commit(client, session))?.cookies ?? []
      expect(line).toBe(
        '__Host-id=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; HttpOnly; SameSite=Lax',
      )
      expect(await whoIs(world, copied)).toBeUndefined()
    },
  )

  it('NIST-5.1-4 NIST-5.1-6 CS-16: over plain http the cookie keeps its Secure, and development over http is refused in production', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const { visit, record } = bed()
    const warnings = record('warning')
    const client = newClient()
    await visit(client, (session) => session.start(), { secure: false })
    expect(warnings).toHaveLength(1)
    vi.stubEnv('NODE_ENV', 'production')
    expect(() => cookieCarrier({ insecureDevelopment: true })).toThrow(/refused in production/)
    emitWarning.mockRestore()
  })

  it('NIST-5.1-7: the cookie ends with the browser, unless it is told to last, and then with the session at the latest', async () => {
    const clock = testClock()
    const brief = bed({ clock })
    const session = await brief.open(newClient())
    const [line] = (await session.start().commit())?.cookies ?? []
    expect(line).not.toMatch(/Max-Age|Expires/)
    const lasting = bed({ clock, cookie: { persistent: true }, timeouts: { idle: '2d', absolute: '2d' } })
    const client = newClient()
    await lasting.visit(client, (again) => again.start())
    clock.advance(DAY)
    const again = await lasting.open(client)
    await again.rotate()
    const [renewed] = (await again.commit())?.cookies ?? []
    expect(Number(/Max-Age=(\d+)/.exec(renewed ?? '')?.[1])).toBe(DAY / 1000)
  })

  onEachStore(
    'NIST-5.1-8: the level of a session is what its authentication gave, and only a new one raises it',
    async (world) => {
      const client = newClient()
      await world.visit(client, (session) => session.login('ann', { level: 1 }))
      await world.visit(client, (session) => {
        expect(() => Object.assign(session.authentication ?? {}, { level: 3 })).toThrow(TypeError)
        expect(() => Object.assign(session.authentication?.factors ?? {}, { 0: 'totp' })).toThrow(TypeError)
        expect(() => Object.assign(session, { authentication: { level: 3 } })).toThrow(TypeError)
        session.set('level', 3).set('aal', 3)
      })
      expect(await world.visit(client, (session) => session.authentication?.level)).toBe(1)
      const before = tokenOf(client)
      await world.visit(client, (session) => session.elevate({ level: 2 }))
      expect(await world.visit(client, (session) => session.authentication?.level)).toBe(2)
      expect(tokenOf(client)).not.toBe(before)
    },
  )

  // To the sign-in and not to the token: a form that periodic rotation makes void is refused to whoever was slow (S3).
  inMemory('NIST-5.1-9: a form is bound to the session, and to its last sign-in', async (world) => {
    const forms = csrf()
    const [ann, eve] = [newClient(), newClient()]
    const token = await world.visit(ann, (session) => forms.token(session))
    await world.visit(eve, (session) => session.start())
    const post = { method: 'POST', fields: { _csrf: token } }
    await world.visit(ann, (session) => expect(forms.check(session)).toBe(true), post)
    await world.visit(eve, (session) => expect(forms.check(session)).toBe(false), post)
    await world.visit(ann, (session) => session.rotate())
    await world.visit(ann, (session) => expect(forms.check(session)).toBe(true), post)
    await world.visit(eve, (session) => expect(forms.check(session)).toBe(false), post)
    await world.visit(ann, (session) => session.login('ann'))
    await world.visit(ann, (session) => expect(forms.check(session)).toBe(false), post)
  })

  inMemory(
    'NIST-5.1.1-c WSTG-SESS-07: the server ends the session whatever the client does with its cookie',
    async (world) => {
      const keeping = world.another({ cookie: { persistent: true } })
      const client = await keeping.signedIn('ann')
      world.clock.advance(13 * HOUR)
      expect(tokenOf(client)).toBeDefined()
      expect(await whoIs(keeping, client)).toBeUndefined()
    },
  )

  inMemory('NIST-5.1.1-d: the cookie says nothing about the user', async (world) => {
    const client = await world.signedIn('ann.example@shop.example', '192.0.2.1')
    const token = tokenOf(client) ?? ''
    const decoded = Buffer.from(token, 'base64url').toString('latin1')
    for (const text of [token, decoded]) expect(text).not.toMatch(/ann|example|192|shop/i)
  })
})

describe('timeouts', () => {
  onEachStore(
    'NIST-5.1-5 NIST-5.2-1: past either limit the session is ended, and its record is gone after the refused request',
    async (world) => {
      for (const wait of [16 * MINUTE, 12 * HOUR]) {
        const client = await world.signedIn('ann')
        world.clock.advance(wait)
        expect(await whoIs(world, client)).toBeUndefined()
        expect(await world.records()).toEqual([])
      }
    },
  )

  onEachStore(
    'NIST-5.2-2: use starts the idle limit again and not the overall one, and a new authentication starts both',
    async (world) => {
      const client = await world.signedIn('ann')
      const steps = async (count: number): Promise<string | undefined> => {
        let subject: string | undefined
        for (let i = 0; i < count; i++) {
          world.clock.advance(10 * MINUTE)
          subject = await whoIs(world, client)
        }
        return subject
      }
      expect(await steps(5)).toBe('ann')
      await world.visit(client, (session) => session.elevate())
      expect(await steps(5)).toBe('ann')
      expect(await steps(1)).toBeUndefined()
    },
    { timeouts: { idle: '15m', absolute: '1h', touchEvery: '0s' } },
  )

  it('NIST-PRESET: each preset can be given as it is, and is what is in force', () => {
    const inForce = Object.values(nist).map((timeouts) => createSessions({ store: memoryStore(), timeouts }).policy())
    expect(inForce.map(({ idle, absolute }) => [idle / MINUTE, absolute / HOUR])).toEqual([
      [30 * 24 * 60, 30 * 24],
      [60, 24],
      [15, 12],
    ])
  })
})

describe('where randomness and digests come from', () => {
  const sources = readdirSync(new URL('../../src', import.meta.url), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map((path) => [path, readFileSync(new URL(`../../src/${path}`, import.meta.url), 'utf8')] as const)

  it('RNG ASVS5-11.5.1: no source makes a UUID, and only pauses and the choice of a server use Math.random', () => {
    expect(sources.length).toBeGreaterThan(50)
    for (const [path, source] of sources) expect(source, path).not.toMatch(/randomUUID|uuid\(/)
    const drawing = sources.filter(([, source]) => source.includes('Math.random')).map(([path]) => path)
    expect(drawing.toSorted()).toEqual([
      'stores/mysql/locked.ts',
      'stores/mysql/traffic.ts',
      'stores/postgres/batches.ts',
      'stores/redis/ioredis.ts',
      'stores/redis/node-redis.ts',
      'stores/shared/watching.ts',
      'stores/sqlite/parking.ts',
    ])
  })

  it('ASVS5-11.4.1: no source uses a digest that is not approved, but for the names that Redis gives to scripts', () => {
    const doubtful = sources.filter(([, source]) => /['"](?:md5|sha1|sha-1|ripemd\d*)['"]/i.test(source))
    expect(doubtful.map(([path]) => path)).toEqual(['stores/redis/calls.ts'])
    expect(doubtful[0]?.[1].match(/sha1/gi)).toHaveLength(1)
  })
})
