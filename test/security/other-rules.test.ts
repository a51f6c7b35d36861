// Rows of ASVS 5.0 outside of V7, of ASVS 4.0.3, and of OWASP's cheat sheet and testing guide that stand nowhere else.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { CookieJar } from 'tough-cookie'
import { describe, expect, it } from 'vitest'
import { mintToken } from '../../src/core/token.ts'
import { MINUTE, bed, clientWith, copyOf, factsFor, newClient, tokenOf } from '../support/bed.ts'
import { inMemory, onEachStore, whoIs } from './world.ts'

describe('what a client may try', () => {
  onEachStore(
    'ASVS5-2.4.1: each guess is told with the address it came from and writes nothing, and anonymous sessions end early',
    async ({ visit, record, counting, clock }) => {
      const events = record('unknown', 'created')
      counting.reset()
      for (let guess = 0; guess < 50; guess++) {
        await visit({ ...clientWith(mintToken()), address: '203.0.113.9' }, (session) => session.data)
      }
      expect(events.map(({ name, event }) => [name, event['clientAddress']])).toEqual(
        Array.from({ length: 50 }, () => ['unknown', '203.0.113.9']),
      )
      expect(counting.calls.filter(({ method }) => method !== 'get')).toEqual([])
      const client = newClient()
      await visit(client, (session) => session.set('a', 1))
      expect(events.at(-1)?.name).toBe('created')
      clock.advance(MINUTE)
      expect(await visit(client, (session) => session.get('a'))).toBeUndefined()
    },
    { timeouts: { anonymous: '1m', touchEvery: '0s' } },
  )

  inMemory('ASVS4-3.2.3: nothing that a template gets gives it the token of a cookie', async ({ open, signedIn }) => {
    const client = await signedIn('ann')
    const token = tokenOf(client) ?? ''
    const session = await open(client)
    const shown = ['cookie', 'url', 'form', 'header'].map((carrier) => session.credential(carrier))
    expect(shown).toEqual([undefined, undefined, undefined, undefined])
    const readable = { ...session.data, handle: session.handle, reference: session.reference, url: session.url }
    expect(JSON.stringify(readable)).not.toContain(token)
  })

  it('WSTG-SESS-09: a browser sends the cookie neither over plain http nor to another host', async () => {
    const { sessions } = bed()
    const session = await sessions.open(factsFor(newClient()))
    session.set('a', 1)
    const [line = ''] = (await session.commit())?.cookies ?? []
    const jar = new CookieJar(undefined, { allowSpecialUseDomain: true, rejectPublicSuffixes: false })
    await jar.setCookie(line, 'https://shop.example/')
    const sent = (url: string): Promise<string> => jar.getCookieString(url)
    expect(await sent('https://shop.example/any/path')).toContain('__Host-id=')
    for (const url of ['http://shop.example/', 'https://www.shop.example/', 'https://evil.example/']) {
      expect(await sent(url), url).toBe('')
    }
  })
})

describe('who is signed in', () => {
  onEachStore('CS-5: every change of what a token is worth replaces it', async (world) => {
    const client = await world.signedIn('ann')
    const changes = [
      (session: Awaited<ReturnType<typeof world.open>>): Promise<void> => session.elevate({ level: 2 }),
      (session: Awaited<ReturnType<typeof world.open>>): Promise<void> => session.login('bob'),
      (session: Awaited<ReturnType<typeof world.open>>): Promise<void> => {
        session.set('theme', 'dark')
        return session.logout({ keep: ['theme'] })
      },
    ]
    for (const change of changes) {
      const old = copyOf(client)
      await world.visit(client, change)
      expect(tokenOf(client)).not.toBe(tokenOf(old))
      expect(await world.visit(old, (session) => [session.subject, session.get('theme')])).toEqual([
        undefined,
        undefined,
      ])
    }
  })

  inMemory('ASVS4-3.7.1: who has shown only the first of two factors is not signed in', async (world) => {
    const client = newClient()
    await world.visit(client, (session) => session.set('pending', { user: 'ann', step: 'second factor' }))
    expect(await whoIs(world, client)).toBeUndefined()
    await world.visit(client, (session) => {
      expect(() => session.requireFresh({ within: '5m' })).toThrow(
        expect.objectContaining({ code: 'reauthentication-required' }),
      )
    })
    expect(await world.sessions.forSubject('ann').count()).toBe(0)
    await world.visit(client, (session) => session.login('ann', { factors: ['password', 'code'] }))
    expect(await whoIs(world, client)).toBe('ann')
    await world.visit(client, (session) => {
      session.requireFresh({ within: '5m', factor: 'code' })
      expect(session.get('pending')).toBeUndefined()
    })
  })
})

describe('secrets', () => {
  it('ASVS5-11.5.2: eight threads that mint at once never mint the same token', async () => {
    const each = 50_000
    const threads = Array.from(
      { length: 8 },
      () => new Worker(new URL('minting.ts', import.meta.url), { workerData: each, execArgv: [] }),
    )
    const lists = (await Promise.all(threads.map((thread) => once(thread, 'message')))) as [string[]][]
    expect(new Set(lists.flatMap(([tokens]) => tokens)).size).toBe(8 * each)
  })

  onEachStore(
    'ASVS5-13.3.4: secrets are exchanged while requests are under way, and none of them is lost',
    async (world) => {
      const [old, next] = ['o'.repeat(32), 'n'.repeat(32)]
      const before = world.another({ secrets: [old] })
      const after = world.another({ secrets: [next, old] })
      const clients = await Promise.all(['ann', 'bob', 'cyd'].map((subject) => before.signedIn(subject)))
      const underWay = await Promise.all(clients.map((client) => before.open(client)))
      for (const client of clients) await after.visit(copyOf(client), (session) => session.set('after', 1))
      for (const [index, session] of underWay.entries()) {
        session.set('before', 1)
        await before.commit(clients[index]!, session)
      }
      for (const client of clients) {
        expect(await after.visit(client, (session) => [session.get('before'), session.get('after')])).toEqual([1, 1])
        // Signed anew by the newest secret, it opens where the old one is no longer known.
        const later = world.another({ secrets: [next] })
        await after.visit(client, (session) => session.set('signed', 'anew'))
        expect(await later.visit(client, (session) => session.get('signed'))).toBe('anew')
      }
    },
  )
})

describe('one step at a time', () => {
  onEachStore(
    'ASVS5-15.4.2: of ten requests that take one value exactly one gets it',
    async ({ visit, open, commit }) => {
      const client = newClient()
      await visit(client, (session) => session.set('voucher', 'half price'))
      const sessions = await Promise.all(Array.from({ length: 10 }, () => open(copyOf(client))))
      for (const session of sessions) expect(session.has('voucher')).toBe(true)
      const taken = await Promise.all(sessions.map((session) => session.take('voucher')))
      await Promise.all(sessions.map((session) => commit(copyOf(client), session)))
      expect(taken.filter((value) => value !== undefined)).toEqual(['half price'])
    },
  )

  onEachStore(
    'ASVS5-15.4.3: a request that never ends keeps nobody waiting, and its late write undoes nothing',
    async (world) => {
      const client = newClient()
      await world.visit(client, (session) => session.set('n', 0))
      const abandoned = await world.open(copyOf(client))
      abandoned.set('stale', true)
      for (let i = 1; i <= 5; i++) await world.visit(client, (session) => session.increment('n'))
      await world.visit(client, (session) => session.destroy())
      await world.commit(copyOf(client), abandoned).catch(() => undefined)
      expect(await world.records()).toEqual([])
    },
  )
})
