import { describe, expect, it } from 'vitest'
import type { BedOptions, Client, Loose } from '../../test/support/bed.ts'
import { HOUR, MINUTE, bed, copyOf, factsFor, newClient, testClock } from '../../test/support/bed.ts'
import { recordsIn } from '../../test/support/stores.ts'
import { memoryStore } from '../stores/memory.ts'
import { countingStore } from '../testing/index.ts'
import { createPolicy } from './policy.ts'
import { reopen, reopenEvery } from './reopen.ts'
import type { Session } from './session.ts'

const room = (options: BedOptions<Loose> = {}) => {
  const clock = testClock()
  const store = memoryStore({ now: clock.now })
  const made = bed({ store, clock, ...options })
  const connect = (client: Client): Promise<Session> => made.sessions.openReadOnly(factsFor(client))
  return { ...made, store, clock, connect }
}

async function again(session: Session | undefined): Promise<Session> {
  const next = session === undefined ? undefined : await reopen(session)
  if (next === undefined) throw new Error('the session has ended')
  return next
}

describe('reopening', () => {
  it('sees what requests have written since, and what it writes requests see', async () => {
    const { visit, connect } = room()
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const socket = await connect(client)
    await visit(client, (session) => session.set('b', 2))
    const reopened = await again(socket)
    expect(reopened.data).toEqual({ a: 1, b: 2 })
    reopened.set('c', 3)
    expect(await reopened.commit()).toMatchObject({ cookies: [] })
    await visit(client, (session) => expect(session.data).toEqual({ a: 1, b: 2, c: 3 }))
    expect([reopened.isNew, reopened.isStarted, reopened.hasResponse]).toEqual([false, true, false])
  })

  it('costs one read, and a message that keeps something one write more', async () => {
    const clock = testClock()
    const counting = countingStore(memoryStore({ now: clock.now }))
    const { visit, sessions } = bed({ store: counting.store, clock })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const socket = await sessions.openReadOnly(factsFor(client))
    counting.reset()
    const reopened = await again(socket)
    await reopened.commit()
    expect(counting.calls.map(({ method }) => method)).toEqual(['get'])
    reopened.set('a', 2)
    await reopened.commit()
    expect(counting.calls.map(({ method }) => method)).toEqual(['get', 'update'])
  })

  it('is use of the session, and is written down as any other', async () => {
    const { visit, connect, clock } = room()
    const client = newClient()
    await visit(client, (session) => session.start())
    let socket = await connect(client)
    for (let i = 0; i < 4; i++) {
      clock.advance(10 * MINUTE)
      socket = await again(socket)
      await socket.commit()
    }
    expect(await socket.isAlive()).toBe(true)
    for (let i = 0; i < 2; i++) {
      clock.advance(10 * MINUTE)
      await reopen(socket)
    }
    expect(await reopen(socket), 'to look is not to use').toBeUndefined()
  })

  it('follows periodic rotation for as long as it is asked in time, for visitors and for users', async () => {
    const options = { rotation: { every: '10m', grace: '10s' } } as const
    const { visit, connect, clock, signedIn, sessions } = room(options)
    const every = reopenEvery(sessions.policy())
    expect(every).toBe(5000)
    const guest = newClient()
    for (const make of [async () => guest, () => signedIn('ada')]) {
      const client = await make()
      await visit(client, (session) => session.set('name', 'ada'))
      let socket = await connect(client)
      const { handle } = socket
      const first = [...client.jar.values()][0]
      for (let elapsed = 0; elapsed < HOUR; elapsed += every) {
        clock.advance(every)
        if (elapsed % (5 * MINUTE) === 0) await visit(client, (session) => session.get('name'))
        socket = await again(socket)
      }
      expect([...client.jar.values()][0]).not.toBe(first)
      expect(socket.handle).toBe(handle)
      socket.set('seen', true)
      await socket.commit()
      await visit(client, (session) => expect(session.get('seen')).toBe(true))
    }
  })

  it('finds nothing any more when it is asked later than the grace of a rotation', async () => {
    const { visit, connect, clock } = room({ rotation: { every: '10m', grace: '10s' } })
    const client = newClient()
    await visit(client, (session) => session.start())
    const [late, inTime] = [await connect(client), await connect(client)]
    clock.advance(10 * MINUTE)
    await visit(client, (session) => session.handle)
    clock.advance(9_999)
    expect(await reopen(inTime)).toBeDefined()
    clock.advance(1)
    expect(await reopen(late)).toBeUndefined()
  })

  it('replaces no token, however old it is', async () => {
    const { visit, connect, clock, store } = room({ rotation: { every: '5m' } })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const before = (await recordsIn(store)).map(([key]) => key)
    const socket = await connect(client)
    clock.advance(10 * MINUTE)
    const reopened = await again(socket)
    reopened.set('a', 2)
    expect(await reopened.commit()).toMatchObject({ cookies: [] })
    expect((await recordsIn(store)).map(([key]) => key)).toEqual(before)
  })

  it('refuses every verb that replaces the token, and changes nothing', async () => {
    const { connect, signedIn, store, record, sessions } = room()
    const client = await signedIn('ada')
    await signedIn('ada')
    const before = await recordsIn(store)
    const session = await again(await connect(client))
    const events = record('login', 'elevated', 'rotated', 'destroyed', 'revoked', 'created')
    const attempts = [
      () => session.login('eve'),
      () => session.elevate(),
      () => session.rotate(),
      () => session.rotate({ grace: '0s' }),
      () => session.logout({ keep: 'all' }),
      () => sessions.forSubject('ada').endAll({ except: session }),
    ]
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'unsupported' })
    expect(session.start()).toBe(session)
    await session.commit()
    expect(events).toEqual([])
    expect(await recordsIn(store)).toEqual(before)
  })

  it('lets the session be ended, and begins no other after it', async () => {
    for (const end of [(session: Session) => session.destroy(), (session: Session) => session.logout()]) {
      const { connect, signedIn, store, visit } = room()
      const client = await signedIn('ada')
      const session = await again(await connect(client))
      await end(session)
      session.set('after', 'the end')
      expect(() => session.start()).toThrow(expect.objectContaining({ code: 'unsupported' }))
      await expect(session.login('ada')).rejects.toMatchObject({ code: 'unsupported' })
      expect(await session.commit()).toMatchObject({ cookies: [] })
      expect(await recordsIn(store)).toEqual([])
      expect(await reopen(session)).toBeUndefined()
      await visit(client, (next) => expect(next.subject).toBeUndefined())
    }
  })

  it('ASVS5-7.4.3: a token that was replaced for safety leads nowhere, also for who holds it on a socket', async () => {
    const { connect, signedIn, visit, sessions } = room()
    const client = await signedIn('ada')
    const thief = await connect(copyOf(client))
    await visit(client, (session) => sessions.forSubject('ada').endAll({ except: session }))
    expect(await reopen(thief)).toBeUndefined()
    const before = await connect(client)
    await visit(client, (session) => session.elevate())
    expect(await reopen(before)).toBeUndefined()
    expect(await reopen(await connect(client))).toBeDefined()
  })

  it('goes on with new data where the stored ones cannot be read, and ends with the limits of the policy', async () => {
    const damaged = {
      encode: JSON.stringify,
      decode: (text: string) => (text.includes('"bad"') ? fail() : parse(text)),
    }
    const fail = (): never => {
      throw new Error('damaged')
    }
    const parse = (text: string): unknown => JSON.parse(text)
    const { visit, connect, record, clock } = room({ codec: damaged, timeouts: { absolute: '1h', idle: '50m' } })
    const undecodable = record('undecodable')
    const client = newClient()
    await visit(client, (session) => session.start())
    const socket = await connect(client)
    await visit(client, (session) => session.set('a', 'bad'))
    expect((await reopen(socket))?.data).toEqual({})
    expect(undecodable).toHaveLength(1)

    const other = newClient()
    await visit(other, (session) => session.start())
    const second = await connect(other)
    clock.advance(40 * MINUTE)
    await visit(other, (session) => session.set('a', 1))
    expect(await reopen(second)).toBeDefined()
    clock.advance(20 * MINUTE)
    expect(await reopen(second)).toBeUndefined()
  })

  it('needs no hurry where no token is replaced by age, or where no mark is left', () => {
    expect(reopenEvery(createPolicy({}, {}))).toBe(Infinity)
    expect(reopenEvery(createPolicy({}, { every: '1h', grace: '0s' }))).toBe(Infinity)
    expect(reopenEvery(createPolicy({}, { every: '1h', grace: '1ms' }))).toBe(1)
  })
})
