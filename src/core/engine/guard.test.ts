import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { bed, newClient, settled, testClock } from '../../../test/support/bed.ts'
import { memoryStore } from '../../stores/memory.ts'
import type { StoreMethod } from '../../testing/index.ts'
import { faultStore } from '../../testing/index.ts'
import { SessionError } from '../errors.ts'
import { createEmitter } from '../events.ts'
import type { Activity, StoreGuard } from './guard.ts'
import { guardStore } from './guard.ts'

const rejections: unknown[] = []
const note = (reason: unknown): void => void rejections.push(reason)
const guardOf = (name: string, timeout: number, emitter = createEmitter()): StoreGuard =>
  guardStore(name, timeout, emitter, Date.now)
const never = (): Promise<never> => new Promise(() => undefined)

beforeEach(() => {
  process.on('unhandledRejection', note)
})

afterEach(async () => {
  await settled()
  process.off('unhandledRejection', note)
  vi.useRealTimers()
  expect(rejections.splice(0)).toEqual([])
})

describe('calls on the store', () => {
  it('STORE-4 ASVS5-13.1.3: a store that never answers costs the deadline and no more, on every operation', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const guard = guardOf('slow', 2000)
    for (const operation of ['get', 'insert', 'update', 'touch', 'rotate', 'delete'] as const) {
      let answer: unknown
      guard.call(operation, undefined, never).catch((error: unknown) => (answer = error))
      await vi.advanceTimersByTimeAsync(1999)
      expect(answer).toBeUndefined()
      await vi.advanceTimersByTimeAsync(1)
      expect(answer).toMatchObject({
        code: 'store-timeout',
        message: `store slow: ${operation} did not answer within 2000 ms`,
      })
    }
  })

  it('STORE-4: a late answer, good or bad, is ignored and is no unhandled rejection', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const guard = guardOf('slow', 10)
    const late: { resolve?: () => void; reject?: () => void } = {}
    const good = guard.call('get', undefined, () => new Promise<void>((resolve) => (late.resolve = resolve)))
    const bad = guard.call('get', undefined, () => new Promise<void>((_, reject) => (late.reject = reject)))
    const both = Promise.allSettled([good, bad])
    await vi.advanceTimersByTimeAsync(10)
    late.resolve?.()
    late.reject?.()
    expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })

  it('an answer in time leaves no timer behind', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const guard = guardOf('fast', 2000)
    expect(await guard.call('get', undefined, async () => 'answer')).toBe('answer')
    await expect(guard.call('get', undefined, async () => Promise.reject(new Error('down')))).rejects.toThrow(
      'get failed',
    )
    await expect(
      guard.call('get', undefined, () => {
        throw new Error('at once')
      }),
    ).rejects.toThrow('get failed')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('whatever a store rejects with becomes a coded error with that cause, and an event', async () => {
    const emitter = createEmitter()
    const seen: unknown[] = []
    emitter.on('store-error', (event) => seen.push(event))
    const guard = guardOf('pg', 1000, emitter)
    const cause = new Error('ECONNREFUSED')
    const failed = guard.call('update', undefined, async () => Promise.reject(cause))
    await expect(failed).rejects.toMatchObject({
      name: 'SessionError',
      code: 'store-unavailable',
      cause,
      message: 'store pg: update failed',
    })
    // eslint-disable-next-line typescript/prefer-promise-reject-errors -- a driver may do so
    await expect(guard.call('get', undefined, async () => Promise.reject('text'))).rejects.toMatchObject({
      code: 'store-unavailable',
      cause: 'text',
    })
    const coded = new SessionError('closed', 'store pg: it has been closed')
    await expect(guard.call('get', undefined, async () => Promise.reject(coded))).rejects.toBe(coded)
    expect(seen).toHaveLength(3)
    expect(seen[0]).toEqual({ store: 'pg', operation: 'update', error: cause })
  })

  it('loads count as reads and everything else as writes, also when they fail', async () => {
    const guard = guardOf('memory', 1000)
    const activity: Activity = { reads: 0, writes: 0 }
    for (const operation of ['get', 'insert', 'update', 'touch', 'rotate', 'delete'] as const) {
      await guard
        .call(operation, { activity, presentedKey: undefined }, async () => Promise.reject(new Error('down')))
        .catch(() => undefined)
    }
    expect(activity).toEqual({ reads: 1, writes: 5 })
  })
})

describe('requests while the store is ill', () => {
  it('STORE-4: a request with a hung store fails after the deadline, and the next one after recovery is served', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const clock = testClock()
    const faulty = faultStore(memoryStore({ now: clock.now }), { rules: [] })
    const { open, visit } = bed({ store: faulty.store, clock, storeTimeout: '500ms' })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    faulty.setRules([{ fault: never }])
    const opening = open(client).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(500)
    expect(await opening).toMatchObject({ code: 'store-timeout' })
    faulty.setRules([])
    expect(await visit(client, (session) => session.get('a'))).toBe(1)
  })

  it('ASVS5-16.5.4: no failure in the background is an unhandled rejection', async () => {
    const clock = testClock()
    const faulty = faultStore(memoryStore({ now: clock.now }), { rules: [] })
    const { open, visit } = bed({ store: faulty.store, clock, timeouts: { touchEvery: '1s' }, sweepEvery: '1s' })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const session = await open(client)
    clock.advance(5000)
    const background: StoreMethod[] = ['touch', 'sweep']
    faulty.setRules([{ methods: background, fault: 'reject' }])
    expect(await session.commit()).toBeUndefined()
    await settled()
    expect(faulty.faults.map(({ method }) => method)).toEqual(['sweep', 'touch', 'touch'])
  })
})

describe('a mistake', () => {
  it('of a caller, which a store or its driver tells as a TypeError, is no outage and is not tried again (S4)', async () => {
    const emitter = createEmitter()
    const heard: string[] = []
    for (const name of ['outage', 'store-error'] as const) emitter.on(name, () => void heard.push(name))
    const guard = guardOf('db', 2000, emitter)
    let attempts = 0
    const wrong = (): Promise<never> => {
      attempts++
      return Promise.reject(new TypeError('argument must be a string'))
    }
    for (let n = 0; n < 10; n++) {
      await expect(guard.call('get', undefined, wrong)).rejects.toMatchObject({ code: 'store-unavailable' })
    }
    expect([attempts, heard.includes('outage'), heard.length]).toEqual([10, false, 10])
  })

  it('is not what a failed connection of fetch is, though that is a TypeError as well', async () => {
    const emitter = createEmitter()
    const heard: unknown[] = []
    emitter.on('outage', (event) => void heard.push(event))
    const guard = guardOf('http', 2000, emitter)
    const away = (): Promise<never> =>
      Promise.reject(new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') }))
    for (let n = 0; n < 5; n++) {
      const visitor = { activity: { reads: 0, writes: 0 }, presentedKey: undefined }
      await expect(guard.call('get', visitor, away)).rejects.toThrow('get failed')
    }
    expect(heard).toHaveLength(1)
  })
})
