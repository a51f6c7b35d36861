import { EventEmitter } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Bed, Client, Loose } from '../../../test/support/bed.ts'
import { bed, copyOf, newClient, testClock } from '../../../test/support/bed.ts'
import { countingStore, faultStore } from '../../testing/index.ts'
import { memoryStore } from '../../stores/memory.ts'
import type { Session } from '../session.ts'

interface Scene extends Bed<Loose> {
  readonly client: Client
  readonly warnings: readonly string[]
  readonly writes: () => readonly string[]
  readonly fail: () => void
  /** A session whose response has begun. */
  readonly begun: (client: Client, response?: EventEmitter) => Promise<Session<Loose>>
  /** What the next request finds. */
  readonly found: () => Promise<Loose>
}

beforeEach(() => {
  vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
})
afterEach(() => {
  vi.restoreAllMocks()
})

async function scene(): Promise<Scene> {
  const clock = testClock()
  const faults = faultStore(memoryStore({ now: clock.now }), { rules: [] })
  const counting = countingStore(faults.store)
  const world = bed<Loose>({ store: counting.store, clock })
  const client = newClient()
  await world.visit(client, (session) => session.set('kept', true))
  counting.reset()
  const warnings: string[] = []
  world.sessions.on('warning', ({ message }) => void warnings.push(message))
  return {
    ...world,
    client,
    warnings,
    writes: () => counting.calls.map(({ method }) => method).filter((method) => method !== 'get'),
    fail: () => faults.setRules([{ fault: 'reject', methods: ['update'] }]),
    begun: async (visitor, response) => {
      const session = await world.open(visitor)
      await session.commit(response)
      return session
    },
    found: () => world.visit(client, (session) => ({ ...session.data })),
  }
}

const changes: Readonly<Record<string, (session: Session<Loose>) => unknown>> = {
  'a value': (session) => session.set('late', 1),
  'the data': (session) => (session.data['late'] = 1),
  'what is deleted': (session) => session.delete('kept'),
  'a message': (session) => session.flash('info', 'late'),
  'an idle limit': (session) => session.start({ idle: '5m' }),
}

describe('a session that exists, after its response has begun', () => {
  it.each(Object.entries(changes))('is saved at the end of the turn: %s (F9)', async (_what, change) => {
    const { client, begun, writes, warnings } = await scene()
    const session = await begun(client)
    change(session)
    expect(writes()).toEqual([])
    await setImmediate()
    expect([writes(), warnings]).toEqual([['update'], []])
  })

  it('is saved once for all that changes in one turn, and again for the next', async () => {
    const { client, begun, writes, found } = await scene()
    const session = await begun(client)
    session.set('late', 1).set('later', 2)
    session.data['late'] = 3
    await setImmediate()
    expect(writes()).toEqual(['update'])
    session.set('last', 4)
    await setImmediate()
    expect(writes()).toEqual(['update', 'update'])
    expect(await found()).toEqual({ kept: true, late: 3, later: 2, last: 4 })
  })

  it('is looked at once more when its response ends, if it was used since: an object that it gave out may have changed', async () => {
    const { client, begun, writes, found } = await scene()
    const response = new EventEmitter()
    const { data } = await begun(client, response)
    await setImmediate()
    data['late'] = 1
    await setImmediate()
    expect(writes()).toEqual([])
    response.emit('close')
    await setImmediate()
    expect(await found()).toEqual({ kept: true, late: 1 })
    expect(response.listenerCount('close')).toBe(0)
  })

  it('costs no store call and no listener where it is only read, or not used any more', async () => {
    const { client, open, writes } = await scene()
    const response = new EventEmitter()
    const session = await open(client)
    session.get('kept')
    await session.commit(response)
    expect([session.subject, session.reference, session.isNew]).toEqual([undefined, expect.any(String), false])
    await setImmediate()
    expect(response.listenerCount('close')).toBe(0)
    session.get('kept')
    await setImmediate()
    response.emit('close')
    await setImmediate()
    expect(writes()).toEqual([])
  })

  it('merges with what another request has stored meanwhile', async () => {
    const { client, begun, visit, found } = await scene()
    const session = await begun(client)
    await visit(copyOf(client), (other) => other.set('theirs', 1))
    session.set('late', 1)
    await setImmediate()
    await setImmediate()
    expect(await found()).toEqual({ kept: true, theirs: 1, late: 1 })
  })

  it('goes on from a commit that is under way', async () => {
    const { client, open, found, writes } = await scene()
    const session = await open(client)
    session.set('early', 1)
    const committing = session.commit()
    session.set('late', 1)
    await committing
    await setImmediate()
    expect(writes()).toEqual(['update', 'update'])
    expect(await found()).toEqual({ kept: true, early: 1, late: 1 })
  })

  it('stores nothing more when its commit has failed: the client was told so', async () => {
    const { client, open, fail, writes } = await scene()
    fail()
    const session = await open(client)
    session.set('early', 1)
    const committing = session.commit()
    session.set('late', 1)
    await expect(Promise.resolve(committing)).rejects.toThrow('update failed')
    session.set('later', 1)
    await setImmediate()
    expect(writes()).toEqual(['update'])
  })

  it('is saved before the manager closes its store', async () => {
    const { client, begun, sessions, writes } = await scene()
    const session = await begun(client)
    session.set('late', 1)
    await sessions.close()
    expect(writes()).toEqual(['update'])
  })
})

describe('a change after the first byte that cannot be saved is a warning, once for each reason', () => {
  it('where the session does not exist yet (F9)', async () => {
    const { begun, warnings, writes } = await scene()
    for (const client of [newClient(), newClient()]) {
      const session = await begun(client)
      session.set('late', 1)
      await setImmediate()
    }
    expect([warnings, writes()]).toEqual([[expect.stringMatching(/no token any more; begin a session/)], []])
  })

  it('where it has ended meanwhile', async () => {
    const { client, begun, visit, warnings } = await scene()
    const session = await begun(client)
    await visit(copyOf(client), (other) => other.destroy())
    session.set('late', 1)
    await setImmediate()
    await setImmediate()
    expect(warnings).toEqual([expect.stringMatching(/after the response had begun was not saved: .*ended meanwhile/)])
  })

  it('where the store fails, and where the data cannot be kept', async () => {
    const { client, begun, fail, warnings } = await scene()
    const session = await begun(client)
    session.set('late', Symbol('none'))
    await setImmediate()
    session.delete('late')
    session.set('later', 1)
    fail()
    await setImmediate()
    await setImmediate()
    expect(warnings).toEqual([
      expect.stringMatching(/was not saved: session data: data\.late/),
      expect.stringMatching(/was not saved: store memory: update failed/),
    ])
  })

  const verbs: Readonly<Record<string, (session: Session<Loose>) => unknown>> = {
    login: (session) => session.login('ann'),
    rotate: (session) => session.rotate(),
    elevate: (session) => session.elevate(),
    'logout that keeps data': (session) => session.logout({ keep: 'all' }),
  }

  it.each(Object.entries(verbs))('%s is refused too, and the session stays what it was (F9)', async (_verb, act) => {
    const { client, begun, warnings, writes, found } = await scene()
    const session = await begun(client)
    expect(session.hasResponse).toBe(false)
    await expect(Promise.resolve(act(session))).rejects.toMatchObject({ code: 'unsupported' })
    expect([warnings, writes()]).toEqual([[expect.stringMatching(/sign in or out, and rotate before/)], []])
    expect(await found()).toEqual({ kept: true })
  })

  it('start of a session that does not exist throws', async () => {
    const { begun } = await scene()
    const session = await begun(newClient())
    expect(() => session.start()).toThrow(/no token any more/)
    await expect(session.save()).resolves.toBe('unchanged')
    session.set('late', 1)
    await expect(session.save()).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('logout and destroy still end the session', async () => {
    for (const act of [(session: Session<Loose>) => session.logout(), (session: Session<Loose>) => session.destroy()]) {
      const { client, begun, found } = await scene()
      await act(await begun(client))
      expect(await found()).toEqual({})
    }
  })
})
