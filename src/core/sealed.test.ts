import { inspect } from 'node:util'
import { createSessions, isSessionError, SessionError } from 'sojourn'
import type { Session, Sessions } from 'sojourn'
import { memoryStore } from 'sojourn/stores/memory'
import { describe, expect, it } from 'vitest'

type Data = Record<string, unknown>

function opened(): { sessions: Sessions<Data>; session: Session<Data>; warnings: string[] } {
  const sessions = createSessions<Data>({ store: memoryStore({ allowInProduction: true }) })
  const warnings: string[] = []
  sessions.on('warning', ({ message }) => warnings.push(message))
  return { sessions, session: open(sessions), warnings }
}

function open(sessions: Sessions<Data>): Session<Data> {
  const session = sessions.open({ method: 'GET', url: '/', secure: true, header: () => undefined })
  if (session instanceof Promise) throw new Error('no cookie, no store call')
  return session
}

// As libraries are that were not written as modules.
// oxlint-disable-next-line typescript/no-implied-eval -- a module has no other way to hold sloppy code
const sloppy = new Function('session', 'name', 'session[name] = {}') as (session: unknown, name: string) => void

const WRITTEN = [
  'n',
  'cookie',
  'id',
  'regenerate',
  'reload',
  'touch',
  'csrfSecret',
  'csrfToken',
  'passport',
  'user',
].concat(['userId', 'views', 'flash', 'sessionID', 'data', 'save', 'subject', 'get'])

describe('what is written on a session', () => {
  it.each(WRITTEN)(
    '%s is refused with what to do, in strict code and in sloppy code, and told once (F1, F2)',
    (name) => {
      const { session, warnings } = opened()
      const told = new RegExp(
        `^session\\.${name}: cannot be written, .*(session\\.|createSessions|csrf\\(\\)|by itself|in the store)`,
      )
      expect(() => sloppy(session, name)).toThrow(told)
      expect(() => Reflect.set(session, name, 1)).toThrow(told)
      expect(() => Object.assign(session, { [name]: 1 })).toThrow(told)
      expect(warnings).toHaveLength(1)
      expect(warnings[0]).toMatch(told)
    },
  )

  it('is refused also where it is defined, and where a library wants a method or an object that is not there (F3)', () => {
    const { session, warnings } = opened()
    expect(() => Object.defineProperty(session, 'n', { value: 1 })).toThrow(TypeError)
    for (const name of ['regenerate', 'reload', 'touch']) {
      expect(() => call(session, name, [() => undefined])).toThrow(/no such method; .+/)
    }
    expect(() => Reflect.set(Reflect.get(session, 'cookie'), 'maxAge', 1)).toThrow(/createSessions/)
    expect(() => Reflect.set(Reflect.get(session, 'flash'), 'info', ['secret'])).not.toThrow()
    expect(Reflect.get(Reflect.get(session, 'flash'), 'info')).toBeUndefined()
    expect(warnings).toHaveLength(4)
  })

  it('is told of a thousand names at most, for a client may choose them, and is refused all the same', () => {
    const { session, warnings } = opened()
    for (let n = 0; n < 1100; n++) expect(() => sloppy(session, `name${n}`)).toThrow(TypeError)
    expect(warnings).toHaveLength(1000)
  })

  it('says no name that a client may have chosen', () => {
    const { session, warnings } = opened()
    expect(() => sloppy(session, 'a\nb')).toThrow('session.(property)')
    expect(warnings.join('')).not.toContain('\n')
  })
})

describe('a session', () => {
  it('can be looked at, compared, printed and awaited as before', async () => {
    const { session } = opened()
    expect(['regenerate' in session, 'cookie' in session, 'n' in session]).toEqual([false, false, false])
    expect([Reflect.get(session, 'user'), Reflect.get(session, 'n')]).toEqual([undefined, undefined])
    expect(await Promise.resolve(session)).toBe(session)
    expect(JSON.stringify(session)).toBe('{}')
    expect(inspect(session, { showHidden: true, getters: false })).toMatch(/^Session/)
    expect(session).toEqual(session)
  })

  it('has nothing in common with that of another visitor that could be changed (F1)', () => {
    const { sessions, session } = opened()
    const mine = reachable(session)
    const shared = [...reachable(open(sessions))].filter((thing) => mine.has(thing))
    expect(shared.length).toBeGreaterThan(60)
    expect(shared.filter((thing) => !Object.isFrozen(thing))).toEqual([])
  })

  it.each([
    'save',
    'destroy',
    'rotate',
    'logout',
    'login',
    'elevate',
    'increment',
    'take',
    'flashes',
    'isAlive',
    'start',
  ])('%s refuses a callback at once, and says to await (F3)', (verb) => {
    const { session } = opened()
    const method: unknown = Reflect.get(session, verb)
    if (typeof method !== 'function') throw new Error('no such verb')
    for (const args of [[() => undefined], ['ann', () => undefined]]) {
      expect(() => call(session, verb, args)).toThrow(/^session\.\w+: takes no callback; .*await/)
    }
  })
})

describe('an error of a session', () => {
  it('carries the status that answers it from the moment it is made, and is not shown to clients (F3, F4)', () => {
    const error = new SessionError('csrf', 'csrf: refused')
    expect(error).toMatchObject({ status: 403, statusCode: 403, expose: false })
    expect(isSessionError(error)).toBe(true)
    expect(new SessionError('gone', 'gone').status).toBe(409)
    expect(new SessionError('store-timeout', 'late').status).toBe(503)
    expect(new SessionError('reauthentication-required', 'again').status).toBe(401)
  })
})

function call(session: object, name: string, args: readonly unknown[]): unknown {
  const method = Reflect.get(session, name) as (...args: readonly unknown[]) => unknown
  return Reflect.apply(method, session, args)
}

const asyncFunction = async (): Promise<void> => undefined
const INTRINSICS = new Set<unknown>([
  Object.prototype,
  Function,
  Function.prototype,
  Object.getPrototypeOf(asyncFunction),
  asyncFunction.constructor,
])

/** Every object and function that program code gets at from here without calling anything but getters. */
function reachable(from: object, found = new Set<object>()): Set<object> {
  const pending: object[] = [from]
  for (let thing = pending.pop(); thing !== undefined; thing = pending.pop()) {
    if (found.has(thing) || INTRINSICS.has(thing)) continue
    found.add(thing)
    const parts: unknown[] = [Object.getPrototypeOf(thing)]
    for (const name of Reflect.ownKeys(thing)) {
      const descriptor = Object.getOwnPropertyDescriptor(thing, name)
      parts.push(descriptor?.value, descriptor?.get, descriptor?.set)
    }
    for (let kind: unknown = Object.getPrototypeOf(thing); kind instanceof Object; kind = Object.getPrototypeOf(kind)) {
      if (INTRINSICS.has(kind)) break
      for (const name of Object.getOwnPropertyNames(kind)) {
        if (typeof thing === 'function' || thing !== from) continue
        parts.push(Reflect.get(kind, name, thing))
      }
    }
    for (const part of parts) if (typeof part === 'function' || part instanceof Object) pending.push(part)
  }
  return found
}
