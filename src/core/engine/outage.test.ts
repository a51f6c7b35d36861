import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Bed, Loose } from '../../../test/support/bed.ts'
import { bed, copyOf, newClient, settled, testClock } from '../../../test/support/bed.ts'
import { halfRotation } from '../../../test/support/half-rotation.ts'
import { memoryStore } from '../../stores/memory.ts'
import type { Fault, StoreMethod } from '../../testing/index.ts'
import { countingStore, faultStore } from '../../testing/index.ts'
import { createEmitter } from '../events.ts'
import type { Caller, StoreOperation } from './guard.ts'
import { guardStore } from './guard.ts'
import type { StoreKey } from '../key.ts'
import { storeKeyOf } from '../key.ts'
import { mintToken } from '../token.ts'

const rejections: unknown[] = []
const note = (reason: unknown): void => void rejections.push(reason)
const never = (..._counted: unknown[]): Promise<never> => new Promise(() => undefined)
const down = async (..._counted: unknown[]): Promise<never> => Promise.reject(new Error('down'))

beforeEach(() => {
  process.on('unhandledRejection', note)
})

afterEach(async () => {
  vi.useRealTimers()
  await settled()
  process.off('unhandledRejection', note)
  expect(rejections.splice(0)).toEqual([])
})

/** A guard whose events are heard, on a clock that stands still. */
function heardGuard() {
  const emitter = createEmitter()
  const heard: unknown[] = []
  for (const name of ['outage', 'recovered'] as const) emitter.on(name, (event) => heard.push([name, event]))
  let time = 1000
  const guard = guardStore('pg', 100, emitter, () => time)
  const tick = (): number => (time += 1000)
  return { guard, heard, tick }
}

/** One who calls: each a visitor of its own, but where the key is the same. */
function visitor(presentedKey?: StoreKey): Caller {
  return { activity: { reads: 0, writes: 0 }, presentedKey }
}

/** Calls the guard until it fails, and tells how. */
async function failureOf(call: Promise<unknown>): Promise<unknown> {
  const answer = call.then(
    () => 'answered',
    (error: unknown) => error,
  )
  await vi.advanceTimersByTimeAsync(100)
  return answer
}

describe('a call that fails at once', () => {
  const safe: StoreOperation[] = ['get', 'insert', 'touch', 'rotate', 'delete', 'subjects']
  const unsafe: StoreOperation[] = ['update', 'clear', 'sweep', 'scan']

  it('is made once more where that is safe, and once only', async () => {
    for (const operation of [...safe, ...unsafe]) {
      const { guard } = heardGuard()
      let calls = 0
      const failing = guard.call(operation, undefined, () => down(void calls++))
      await expect(failing, operation).rejects.toMatchObject({ code: 'store-unavailable' })
      expect([operation, calls]).toEqual([operation, safe.includes(operation) ? 2 : 1])
    }
  })

  it('is answered by its repetition, and nobody hears of it', async () => {
    const { guard, heard } = heardGuard()
    const tries: boolean[] = []
    const answer = await guard.call('get', undefined, async (isAgain) => {
      tries.push(isAgain)
      return isAgain ? 'answer' : down()
    })
    expect([answer, tries, heard]).toEqual(['answer', [false, true], []])
  })

  it('STORE-4: is not made again after its deadline, and its repetition gets no deadline of its own', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { guard } = heardGuard()
    let calls = 0
    const late: { reject?: (error: Error) => void } = {}
    const slow = failureOf(
      guard.call('get', undefined, () => {
        calls++
        return new Promise<never>((_, reject) => (late.reject = reject))
      }),
    )
    expect(await slow).toMatchObject({ code: 'store-timeout' })
    late.reject?.(new Error('reset'))
    await vi.advanceTimersByTimeAsync(1)
    expect(calls).toBe(1)
    const hung = guard.call('get', undefined, (isAgain) => (isAgain ? never() : down()))
    expect(await failureOf(hung)).toMatchObject({ code: 'store-timeout' })
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a write whose answer was lost', () => {
  /** One store whose next call of the method is done and not answered. */
  function lossyBed(perSubject?: { max: number; onLimit: 'evict-oldest' | 'reject' }) {
    const clock = testClock()
    const faulty = faultStore(memoryStore({ now: clock.now }), { rules: [] })
    const counting = countingStore(faulty.store)
    const lose = (method: StoreMethod, fault: Fault = 'drop-reply'): void =>
      faulty.setRules([{ methods: [method], fault, calls: [1] }])
    const rest = perSubject === undefined ? {} : { perSubject }
    return { ...bed({ store: counting.store, clock, ...rest }), lose, counting }
  }

  it('STORE-6: an insertion is known by the name of its session', async () => {
    const { visit, lose, sessions, record } = lossyBed({ max: 1, onLimit: 'reject' })
    const created = record('created', 'store-error')
    const client = newClient()
    lose('insert')
    await visit(client, (session) => session.set('a', 1))
    expect(await visit(client, (session) => session.get('a'))).toBe(1)
    const user = newClient()
    lose('insert')
    await visit(user, (session) => session.login('ann'))
    expect(await visit(user, (session) => session.subject)).toBe('ann')
    expect(await sessions.forSubject('ann').count()).toBe(1)
    expect(created).toHaveLength(2)
  })

  it('STORE-6: a login, a rotation and an elevation are known by what lies under the new key', async () => {
    const { visit, lose, sessions, clock } = lossyBed({ max: 1, onLimit: 'reject' })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    lose('rotate')
    await visit(client, (session) => session.login('ann'))
    clock.advance(2000)
    lose('rotate')
    expect(await visit(client, (session) => session.rotate())).toBe('rotated')
    lose('rotate')
    await visit(client, (session) => session.elevate({ level: 2 }))
    expect(await visit(client, (session) => [session.subject, session.authentication?.level])).toEqual(['ann', 2])
    expect(await sessions.forSubject('ann').count()).toBe(1)
  })

  it('STORE-6 RACE-16: a login that is tried again does not bring back a session that somebody has ended meanwhile', async () => {
    const seen: string[] = []
    const clock = testClock()
    const store = halfRotation(memoryStore({ now: clock.now }), async () => {
      for (const { handle } of await sessions.forSubject('ann').list()) seen.push(handle)
      await sessions.forSubject('ann').endAll()
    })
    const { sessions, visit }: Bed<Loose> = bed({ store, clock })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    await visit(client, (session) => session.login('ann'))
    const left = await sessions.forSubject('ann').list()
    expect(seen).toHaveLength(1)
    expect(left).toHaveLength(1)
    expect(left[0]?.handle).not.toBe(seen[0])
    expect(await visit(client, (session) => session.handle)).toBe(left[0]?.handle)
  })

  it('STORE-6 RACE-5: nor does it leave a session that nobody holds, or the old one, also where the limit counts the first', async () => {
    for (const onLimit of ['reject', 'evict-oldest'] as const) {
      for (const max of [1, 5]) {
        const clock = testClock()
        const store = halfRotation(memoryStore({ now: clock.now }))
        const { sessions, visit, open } = bed({ store, clock, perSubject: { max, onLimit } })
        const client = newClient()
        await visit(client, (session) => session.set('a', 1))
        const old = copyOf(client)
        await visit(client, (session) => session.login('ann', { keep: 'all' }))
        expect(await visit(client, (session) => [session.subject, session.get('a')])).toEqual(['ann', 1])
        expect(await sessions.forSubject('ann').count(), `${onLimit} ${max}`).toBe(1)
        expect((await open(old)).isStarted, `${onLimit} ${max}`).toBe(false)
      }
    }
  })

  it('STORE-6: a logout is known by the mark it left: the cookie goes, and the event comes once', async () => {
    const { visit, signedIn, lose, record } = lossyBed()
    const destroyed = record('destroyed')
    const client = await signedIn('ann')
    lose('delete')
    await visit(client, (session) => session.logout())
    expect(client.jar.size).toBe(0)
    expect(destroyed).toHaveLength(1)
  })

  it('STORE-6: a logout that another request was first with is not taken for one of its own', async () => {
    const { visit, signedIn, open, lose, clock, record, commit } = lossyBed()
    const client = await signedIn('ann')
    const session = await open(client)
    clock.advance(2000)
    await visit(client, (other) => other.elevate())
    clock.advance(2000)
    const destroyed = record('destroyed')
    lose('delete', 'reject')
    await session.logout()
    await commit(client, session)
    expect(destroyed).toHaveLength(1)
    expect(await visit(client, (after) => after.subject)).toBeUndefined()
  })

  it('STORE-6: a save is done once or not at all, and says which it cannot know', async () => {
    for (const fault of ['drop-reply', 'reject'] as const) {
      const { visit, open, lose, commit } = lossyBed()
      const client = newClient()
      await visit(client, (session) => session.set('list', [1]))
      const session = await open(client)
      session.set('list', [1, 2])
      lose('update', fault)
      await expect(session.save()).rejects.toMatchObject({ code: 'store-unavailable' })
      expect(await session.save()).toBe('saved')
      await commit(client, session)
      expect(await visit(client, (after) => after.get('list'))).toEqual([1, 2])
    }
  })

  it('STORE-6: a save that was done and not answered is never done again on top of what others wrote since', async () => {
    for (const fault of ['drop-reply', 'reject'] as const) {
      for (const others of [0, 1, 2]) {
        const { visit, open, lose, commit } = lossyBed()
        const client = newClient()
        await visit(client, (session) => session.set('list', [1]).set('n', 0))
        const session = await open(client)
        session.set('list', [1, 2])
        lose('update', fault)
        await expect(session.save()).rejects.toMatchObject({ code: 'store-unavailable' })
        for (let i = 0; i < others; i++) await visit(client, (other) => other.increment('n'))
        const error: unknown = await commit(client, session).then(
          () => undefined,
          (reason: unknown) => reason,
        )
        const isDone = error === undefined
        if (!isDone) expect(error).toMatchObject({ code: 'store-unavailable' })
        const list = await visit(client, (after) => after.get('list'))
        if (isDone) expect(list, `${fault}, ${others} others`).toEqual([1, 2])
        else expect(list, `${fault}, ${others} others`).toEqual(fault === 'reject' ? [1] : [1, 2])
        expect(isDone).toBe(others < (fault === 'reject' ? 2 : 1))
      }
    }
  })

  it('STORE-6: what was changed beside an update that was not answered is stored once', async () => {
    for (const fault of ['drop-reply', 'reject'] as const) {
      const { visit, open, lose, commit } = lossyBed()
      const client = newClient()
      await visit(client, (session) => session.set('list', [1]).set('n', 0))
      const session = await open(client)
      session.set('list', [1, 2])
      lose('update', fault)
      await expect(session.increment('n')).rejects.toMatchObject({ code: 'store-unavailable' })
      await commit(client, session)
      const after = await visit(client, ({ data }) => ({ ...data }))
      expect(after).toEqual({ list: [1, 2], n: fault === 'reject' ? 0 : 1 })
    }
  })

  it('STORE-6: ending the sessions of a user is done, and those who watch are told, without a number', async () => {
    const { signedIn, lose, sessions, record } = lossyBed()
    await signedIn('ann')
    await signedIn('ann')
    const revoked = record('revoked')
    lose('deleteBySubject')
    expect(await sessions.forSubject('ann').endAll()).toBe(0)
    expect(await sessions.forSubject('ann').count()).toBe(0)
    expect(revoked.map(({ event }) => event)).toEqual([{ subject: 'ann' }])
    const [, [one]] = [await signedIn('ann'), await sessions.forSubject('ann').list()]
    lose('deleteByHandle', 'reject')
    expect(await sessions.forSubject('ann').end(one?.handle ?? '')).toBe(true)
    expect(revoked).toHaveLength(2)
  })

  it('a call that is repeated counts once among those of its request', async () => {
    const { open, signedIn, lose } = lossyBed()
    const client = await signedIn('ann')
    lose('get')
    expect((await open(client)).activity).toEqual({ reads: 1, writes: 0 })
  })
})

describe('a store that hangs', () => {
  it('STORE-4: after five visitors in a row one at a time waits for it, and the others fail at once', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { guard, heard, tick } = heardGuard()
    let calls = 0
    const hang = (): Promise<never> => never(void calls++)
    for (let i = 0; i < 5; i++) {
      expect(await failureOf(guard.call('get', visitor(), hang))).toMatchObject({ code: 'store-timeout' })
      tick()
    }
    expect(heard).toEqual([['outage', { store: 'pg', since: 1000 }]])
    for (let round = 1; round <= 3; round++) {
      const probe = guard.call('get', visitor(), hang)
      probe.catch(() => undefined)
      for (let i = 0; i < 100; i++) {
        await expect(guard.call('update', visitor(), hang)).rejects.toMatchObject({
          code: 'store-unavailable',
          message: 'store pg: it does not answer; update was not tried',
        })
      }
      expect(await failureOf(probe)).toMatchObject({ code: 'store-timeout' })
      expect(calls).toBe(5 + round)
    }
    expect(heard).toHaveLength(1)
  })

  it('STORE-5: the first call after its recovery is served, and all those after it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { guard, heard } = heardGuard()
    const hanging = Array.from({ length: 50 }, () => failureOf(guard.call('get', visitor(), never)))
    await Promise.all(hanging)
    expect(await guard.call('update', visitor(), async () => 1)).toBe(1)
    const many = Array.from({ length: 50 }, (_, i) => guard.call('get', visitor(), async () => i))
    expect(await Promise.all(many)).toHaveLength(50)
    expect(heard).toEqual([
      ['outage', { store: 'pg', since: 1000 }],
      ['recovered', { store: 'pg', since: 1000 }],
    ])
  })

  it('one that says at once that it cannot is asked by everybody, however often it says so', async () => {
    const { guard, heard } = heardGuard()
    let calls = 0
    const failing = Array.from({ length: 100 }, () =>
      guard.call('update', visitor(), () => {
        calls++
        return down()
      }),
    )
    expect((await Promise.allSettled(failing)).every(({ status }) => status === 'rejected')).toBe(true)
    expect(calls).toBe(100)
    await guard.call('get', visitor(), async () => undefined)
    expect(heard).toEqual([
      ['outage', { store: 'pg', since: 1000 }],
      ['recovered', { store: 'pg', since: 1000 }],
    ])
  })

  it('an answer among the failures begins the count anew', async () => {
    const { guard, heard } = heardGuard()
    for (let i = 0; i < 20; i++) {
      const isGood = i % 5 === 4
      await guard.call('update', visitor(), isGood ? async () => i : down).catch(() => undefined)
    }
    expect(heard).toEqual([])
  })

  it('STORE-4: the tabs of one visitor are no outage, and nobody else is refused', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { guard, heard } = heardGuard()
    const key = storeKeyOf('id', mintToken())
    const tabs = Array.from({ length: 30 }, () => failureOf(guard.call('update', visitor(key), never)))
    for (const failure of await Promise.all(tabs)) expect(failure).toMatchObject({ code: 'store-timeout' })
    const still = guard.call('update', visitor(key), never)
    still.catch(() => undefined)
    const others = Array.from({ length: 50 }, (_, i) => guard.call('get', visitor(), async () => i))
    expect(await Promise.all(others)).toHaveLength(50)
    expect(heard).toEqual([])
  })
})

describe('an update inside an update', () => {
  it('is refused at its first call, and nothing of either is done', async () => {
    const { visit } = bed()
    const client = newClient()
    await visit(client, (session) => session.set('n', 1))
    await visit(client, async (session) => {
      const nested = session.update(async (data) => {
        data['n'] = 2
        await session.increment('n')
      })
      await expect(nested).rejects.toMatchObject({ code: 'unsupported' })
      await expect(nested).rejects.toThrow('session.update: called inside another one')
    })
    expect(await visit(client, (session) => session.get('n'))).toBe(1)
  })

  it('what an update has begun may update the session when that one is over, and others may at any time', async () => {
    const { visit, open } = bed()
    const client = newClient()
    await visit(client, (session) => session.set('n', 0))
    const other = await open(client)
    await visit(client, async (session) => {
      let later: Promise<unknown> | undefined
      let once: Promise<unknown> | undefined
      const open: { gate?: () => void } = {}
      const gate = new Promise<void>((resolve) => (open.gate = resolve))
      await session.update(async (data) => {
        later ??= gate.then(() => session.increment('n'))
        data['n'] = 10
        once ??= other.increment('n')
        await once
      })
      open.gate?.()
      await later
      await Promise.all([session.increment('n'), session.increment('n')])
    })
    expect(await visit(client, (session) => session.get('n'))).toBe(13)
  })
})
