import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createSessions } from '../sessions.ts'
import type { SessionsOptions } from '../config.ts'
import type { TimeoutOptions } from '../policy.ts'
import type { Session } from '../session.ts'
import { memoryStore } from '../../stores/memory.ts'
import { countingStore, faultStore } from '../../testing/index.ts'
import type { Bed, Loose } from '../../../test/support/bed.ts'
import { DAY, MINUTE, bed, factsFor, newClient, settled } from '../../../test/support/bed.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: Date.UTC(2026, 0, 5) }))
afterEach(() => void vi.useRealTimers())

/** Timers and sessions go by the same clock. */
function real(options: Partial<SessionsOptions<Loose>> = {}): Bed<Loose> & {
  readonly counting: ReturnType<typeof countingStore>
} {
  const counting = countingStore(memoryStore())
  return { ...bed<Loose>({ store: counting.store, now: Date.now, ...options }), counting }
}

/** Lets this many milliseconds pass, with all that falls due in them. */
const pass = (milliseconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds)

describe('a request under way is use', () => {
  const cases: readonly [timeouts: TimeoutOptions, idle: number, unused: readonly number[]][] = [
    // Also when the session has not been used for long before.
    [{ idle: '1s', touchEvery: '0s' }, 1000, [0, 0.5, 0.9]],
    [{}, 15 * MINUTE, [0, 0.5, 0.9]],
    // A third of it is more than a timer can wait for.
    [{ idle: '90d', absolute: '390d' }, 90 * DAY, [0]],
  ]
  for (const [timeouts, idle, unused] of cases) {
    it(`a handler that takes three times ${idle} ms saves what it did, and its user stays signed in (F5)`, async () => {
      const { signedIn, open, commit, visit } = real({ timeouts })
      const client = await signedIn('ann')
      for (const before of unused) {
        await pass(idle * before)
        const session = await open(client)
        await pass(idle * 3)
        session.set('file', before)
        await commit(client, session)
        expect(await visit(client, ({ subject, data }) => [subject, data['file']])).toEqual(['ann', before])
      }
    })
  }

  it('a session that began in the request, or whose user signed in there, is kept as well (F5)', async () => {
    const { visit, open, commit } = real()
    const begins: readonly ((session: Session<Loose>) => Promise<unknown>)[] = [
      (session) => session.set('n', 1).save(),
      (session) => session.login('ann'),
    ]
    for (const begin of begins) {
      const client = newClient()
      const session = await open(client)
      await begin(session)
      await pass(50 * MINUTE)
      session.set('late', true)
      await commit(client, session)
      expect(await visit(client, (again) => again.get('late'))).toBe(true)
    }
  })

  it('a limit of its own, shorter than that of others that are under way, is kept too (F5)', async () => {
    const { visit, open, commit, signedIn } = real()
    const [usual, brief] = [await signedIn('ann'), await signedIn('bob')]
    await visit(brief, (session) => session.start({ idle: '2s' }))
    const sessions = [await open(usual), await open(brief)]
    await pass(40 * MINUTE)
    for (const [i, session] of sessions.entries()) {
      session.set('late', i)
      await commit(i === 0 ? usual : brief, session)
    }
    expect(await visit(usual, (session) => session.get('late'))).toBe(0)
    expect(await visit(brief, (session) => session.get('late'))).toBe(1)
  })

  it('a long one costs a touch each third of the limit, whatever else is under way, and a quick one none', async () => {
    const { open, commit, signedIn, counting } = real()
    const client = await signedIn('ann')
    const long = await open(client)
    counting.reset()
    for (let i = 0; i < 60; i++) {
      const quick = await open(client)
      await pass(20)
      await quick.commit()
      await pass(MINUTE)
    }
    // Each minute one of the quick ones writes down use, as it would without the long one.
    expect(counting.count('touch')).toBeLessThanOrEqual(60 + 12)
    await commit(client, long)
    expect(vi.getTimerCount()).toBeLessThanOrEqual(1)
    await pass(20 * MINUTE)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('no timer is there for visitors without a session, and one for a hundred requests', async () => {
    const { sessions, open, signedIn } = real()
    await (await sessions.open(factsFor(newClient()))).commit()
    expect(vi.getTimerCount()).toBe(0)
    const client = await signedIn('ann')
    await Promise.all(Array.from({ length: 100 }, () => open(client)))
    expect(vi.getTimerCount()).toBe(1)
    await sessions.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('the absolute limit ends the session all the same, and the change is refused (F5)', async () => {
    const { open, commit, signedIn } = real()
    const client = await signedIn('ann')
    const session = await open(client)
    await pass(12 * 60 * MINUTE)
    session.set('late', true)
    await expect(commit(client, session)).rejects.toMatchObject({ code: 'gone' })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('what follows the beginning of the response is no use, nor is a request that was opened for reading', async () => {
    const { open, commit, signedIn, sessions, visit } = real()
    const client = await signedIn('ann')
    const streaming = await open(client)
    await sessions.openReadOnly(factsFor(client))
    await commit(client, streaming)
    await pass(17 * MINUTE)
    expect(await visit(client, ({ subject }) => subject)).toBeUndefined()
  })

  it('a client that has hung up keeps nothing alive, nor does a session that was ended', async () => {
    const { sessions, signedIn, visit, open } = real()
    const [ann, bob] = [await signedIn('ann'), await signedIn('bob')]
    const facts = { ...factsFor(ann), hasHungUp: false }
    const abandoned = await sessions.open(facts)
    const destroyed = await open(bob)
    await pass(10 * MINUTE)
    facts.hasHungUp = true
    await destroyed.destroy()
    await pass(17 * MINUTE)
    expect(await visit(ann, ({ subject }) => subject)).toBeUndefined()
    expect(abandoned.isNew).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('a request that its application has forgotten keeps nothing alive', async () => {
    const { open, signedIn, visit } = real()
    const client = await signedIn('ann')
    await open(client).then(() => undefined)
    // Until the first look it is held, and no longer.
    await pass(6 * MINUTE)
    await settled()
    setFlagsFromString('--expose-gc')
    ;(runInNewContext('gc') as () => void)()
    await pass(12 * MINUTE)
    expect(await visit(client, ({ subject }) => subject)).toBeUndefined()
  })

  it('a store that fails meanwhile is asked again, and the session is kept once it answers', async () => {
    let isDown = false
    const { store } = faultStore(memoryStore(), {
      rules: [{ methods: ['touch'], fault: 'reject', when: () => isDown }],
    })
    const { open, signedIn, commit, visit } = real({ store })
    const client = await signedIn('ann')
    const session = await open(client)
    isDown = true
    await pass(9 * MINUTE)
    isDown = false
    await pass(30 * MINUTE)
    session.set('late', true)
    await commit(client, session)
    expect(await visit(client, ({ data }) => data['late'])).toBe(true)
  })

  it('a session is found where a rotation of the same request has put it', async () => {
    const { open, signedIn, commit, visit } = real()
    const client = await signedIn('ann')
    const session = await open(client)
    await pass(10 * MINUTE)
    await session.rotate()
    await pass(40 * MINUTE)
    session.set('late', true)
    await commit(client, session)
    expect(await visit(client, ({ data }) => data['late'])).toBe(true)
  })
})

it('sessions are made without a timer', () => {
  createSessions({ store: memoryStore() })
  expect(vi.getTimerCount()).toBe(0)
})
