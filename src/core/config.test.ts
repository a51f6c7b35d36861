import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Loose } from '../../test/support/bed.ts'
import { bed, newClient, testClock } from '../../test/support/bed.ts'
import { memoryStore } from '../stores/memory.ts'
import { cookieCarrier } from './web/cookie-carrier.ts'
import { createSessions } from './sessions.ts'

/** Options as they may come from plain JavaScript or a configuration file. */
function make(options: object): () => unknown {
  return () => createSessions<Loose>({ store: memoryStore(), ...options })
}

function withoutSubjects(): object {
  const { listBySubject: _, ...rest } = memoryStore()
  return rest
}

afterEach(() => vi.unstubAllEnvs())

describe('options', () => {
  it('everything but the store has a default', () => {
    expect(make({})).not.toThrow()
  })

  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ store: undefined }, /^store: expected a session store, such as memoryStore\(\)/],
    [{ store: {} }, /^store: .*no get, insert, update, touch, rotate, delete/],
    [{ store: { ...memoryStore(), touch: undefined } }, /^store: .*no touch$/],
    [{ store: () => 'redis://localhost' }, /^store: /],
    [{ timeout: '15m' }, /^createSessions: "timeout" is no option; there are .*timeouts/],
    [{ secret: 'x' }, /"secret" is no option; there are .*secrets/],
    [JSON.parse('{"__proto__":{"secrets":[]}}') as object, /^createSessions: "__proto__" is no option/],
    [{ timeouts: 900 }, /^createSessions: timeouts: expected an object with idle, absolute/],
    [{ timeouts: { idle: 900 } }, /^timeouts\.idle: expected a duration with a unit/],
    [{ timeouts: { idle: Infinity } }, /^timeouts\.idle: /],
    [{ timeouts: { idel: '15m' } }, /^createSessions: timeouts: "idel" is no option; there are idle/],
    [{ timeouts: { absolute: Infinity } }, /^timeouts\.absolute: /],
    [{ timeouts: { absolute: 'Infinityms' } }, /^timeouts\.absolute: /],
    [{ timeouts: { anonymous: '0s' } }, /^timeouts\.anonymous: .*at least 1ms/],
    [{ timeouts: { touchEvery: -1 } }, /^timeouts\.touchEvery: /],
    [{ rotation: '15m' }, /^createSessions: rotation: expected an object with every, grace/],
    [{ rotation: { every: '0s' } }, /^rotation\.every: /],
    [{ rotation: { grace: 'long' } }, /^rotation\.grace: /],
    [{ limits: { bytes: 0 } }, /^limits\.bytes: expected an integer of at least 1/],
    [{ limits: { bytes: Infinity } }, /^limits\.bytes: /],
    [{ limits: { bytes: '64kb' } }, /^limits\.bytes: /],
    [{ limits: { anonymousBytes: 1.5 } }, /^limits\.anonymousBytes: /],
    [{ limits: { depth: 1001 } }, /^limits\.depth: .*at most 1000/],
    [{ limits: { keys: -1 } }, /^limits\.keys: /],
    [{ limits: { size: 1 } }, /^createSessions: limits: "size" is no option/],
    [
      { store: withoutSubjects(), perSubject: { max: 3, onLimit: 'reject' } },
      /^perSubject: store memory does not know/,
    ],
    [{ perSubject: 3 }, /^createSessions: perSubject: expected an object with max, onLimit/],
    [{ perSubject: { max: 0, onLimit: 'reject' } }, /^perSubject\.max: /],
    [{ perSubject: { max: 3 } }, /^perSubject\.onLimit: expected 'evict-oldest' or 'reject'/],
    [{ cookie: {}, carriers: [cookieCarrier()] }, /^cookie: give either cookie or carriers/],
    [{ cookie: { sameSite: 'Lax' } }, /^cookie\.sameSite: expected 'lax' or /],
    [{ carriers: [] }, /^carriers: expected a list of at least one, such as \[cookieCarrier\(\)\]/],
    [{ carriers: cookieCarrier() }, /^carriers: expected a list/],
    [{ carriers: ['cookie'] }, /^carriers: expected a list/],
    [{ carriers: [cookieCarrier(), cookieCarrier({ name: '__Host-b' })] }, /^carriers: each name may be given once/],
    [{ secrets: [] }, /^secrets: expected a list of at least one/],
    [{ secrets: ['short'] }, /^secrets: .*string of at least 32/],
    [{ secrets: [Buffer.alloc(32)] }, /^secrets: /],
    [{ bind: 'ip' }, /^bind: 'client-address', 'client-network', or: expected a function/],
    [{ refusal: { answer: 'error' } }, /^refusal\.answer: expected 'new' or 'message'/],
    [{ refusal: {} }, /^refusal\.answer: /],
    [
      { refusal: { answer: 'message', status: 99 } },
      /^refusal\.status: expected an integer of at least 200 and at most 599/,
    ],
    [{ refusal: { answer: 'message', message: 7 } }, /^refusal\.message: expected a string/],
    [{ onStoreError: 'ignore' }, /^onStoreError: expected 'throw' or 'anonymous'/],
    [{ storeTimeout: 2000 }, /^storeTimeout: expected a duration/],
    [{ storeTimeout: '0s' }, /^storeTimeout: .*at least 1ms/],
    [{ sweepEvery: '0s' }, /^sweepEvery: /],
    [{ namespace: '' }, /^namespace: /],
    [{ namespace: 'a:b' }, /^namespace: expected up to 64 letters, digits/],
    [{ initial: { cart: [] } }, /^initial: expected a function that gives the starting contents/],
    [{ now: 0 }, /^now: expected a function/],
    [{ codec: 'yaml' }, /^codec: expected 'json', 'strict' or an object with the functions encode and decode/],
    [{ codec: { encode: String } }, /^codec: /],
    [{ schema: { parse: String } }, /^schema: expected a Standard Schema,/],
  ]
  it('ASVS5-7.1.1: every option that is wrong, misspelt or without an end is a TypeError that names it and shows the remedy', () => {
    for (const [options, message] of wrong) {
      expect(make(options), String(message)).toThrow(message)
      expect(make(options), String(message)).toThrow(TypeError)
    }
  })

  it('Y34: what the application changes in its options afterwards changes nothing', async () => {
    const timeouts = { idle: '15m', absolute: '12h' } as { idle: '15m' | '1ms'; absolute: '12h' }
    const refusal = { answer: 'message', message: 'Gone' } as { answer: 'message'; message: string }
    const secrets = ['the first secret, of 32 bytes at least']
    const { sessions, visit } = bed({ timeouts, refusal, secrets })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    timeouts.idle = '1ms'
    secrets[0] = 'another secret, of 32 bytes at least'
    expect(sessions.policy().idle).toBe(900_000)
    expect(await visit(client, (session) => session.get('a'))).toBe(1)
    expect(() => Object.assign(sessions.policy(), { idle: 1 })).toThrow(TypeError)
  })

  it('the application calls the namespace of its sessions by the name of its cookie', async () => {
    const clock = testClock()
    const store = memoryStore({ now: clock.now })
    const client = newClient()
    await bed({ store, clock, cookie: { name: '__Host-shop' } }).visit(client, (session) => session.set('a', 1))
    const same = bed({ store, clock, namespace: 'shop', cookie: { name: '__Host-shop' } })
    expect(await same.visit(client, (session) => session.get('a'))).toBe(1)
    const other = bed({ store, clock, namespace: 'admin', cookie: { name: '__Host-shop' } })
    expect(await other.visit(client, (session) => session.get('a'))).toBeUndefined()
  })

  it('a cookie wins over other carriers in whatever order they are given, and fallbacks come last', () => {
    const header = { ...cookieCarrier(), name: 'header' }
    const fallback = { ...cookieCarrier(), name: 'url', isFallback: true }
    const asked: string[] = []
    const watched = [fallback, header, cookieCarrier()].map((carrier) => ({
      ...carrier,
      read: () => {
        asked.push(carrier.name)
        return []
      },
    }))
    const sessions = createSessions({ store: memoryStore(), carriers: watched })
    void sessions.open({ method: 'GET', url: '/', secure: true, header: () => undefined })
    expect(asked).toEqual(['cookie', 'header', 'url'])
  })
})
