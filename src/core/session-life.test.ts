import { describe, expect, it } from 'vitest'
import { MINUTE, START, bed, copyOf, newClient, testClock, tokenOf } from '../../test/support/bed.ts'
import { recordsIn } from '../../test/support/stores.ts'
import { memoryStore } from '../stores/memory.ts'

describe('the life of a session', () => {
  it('P2 P3 P4 P5 P22: start makes a session exist while it is empty, once', async () => {
    const { open, commit, visit } = bed()
    const client = newClient()
    const session = await open(client)
    expect([session.isStarted, session.handle, session.reference]).toEqual([false, undefined, undefined])
    const { handle } = session.start()
    expect(session.start().handle).toBe(handle)
    expect([session.isStarted, session.isNew]).toEqual([true, true])
    expect((await commit(client, session))?.cookies).toHaveLength(1)
    const token = tokenOf(client)
    await visit(client, (again) => {
      expect([again.start().handle, again.isNew, again.keys()]).toEqual([handle, false, []])
    })
    expect(tokenOf(client)).toBe(token)
  })

  it('P18 P9: save fixes the moment of saving, and tells what it did', async () => {
    const { open, visit, commit } = bed()
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const session = await open(client)
    expect(await session.save()).toBe('unchanged')
    session.data['a'] = 2
    expect(await session.save()).toBe('saved')
    expect(await visit(copyOf(client), (other) => other.get('a'))).toBe(2)
    session.data['a'] = 3
    await visit(copyOf(client), (other) => other.destroy())
    await expect(session.save()).rejects.toMatchObject({ code: 'gone' })
    expect((await commit(client, session))?.cookies).toEqual([])
  })

  it('RACE-17: a save and the end of the request are one write', async () => {
    const { open, commit } = bed()
    const client = newClient()
    const session = await open(client)
    session.data['a'] = 1
    await session.save()
    await commit(client, session)
    await commit(client, session)
    expect(session.activity.writes).toBe(1)
    session.data['a'] = 2
    await commit(client, session)
    expect(session.activity.writes).toBe(2)
  })

  it('RACE-17: two saves at once make one record and one cookie', async () => {
    const clock = testClock()
    const store = memoryStore({ now: clock.now })
    const { open, commit } = bed({ store, clock })
    const client = newClient()
    const session = await open(client)
    session.data['a'] = 1
    const saves = [session.save(), session.save(), session.increment('n')]
    session.data['b'] = 2
    expect((await commit(client, session))?.cookies).toHaveLength(1)
    await Promise.all(saves)
    const records = await recordsIn(store)
    expect(records.map(([, record]) => JSON.parse(record.data) as unknown)).toEqual([{ a: 1, n: 1, b: 2 }])
  })

  it('RACE-17: a touch is written once, however often the request is committed', async () => {
    const { open, visit, commit, clock } = bed({ timeouts: { touchEvery: '0s' } })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    clock.advance(MINUTE)
    const session = await open(client)
    await commit(client, session)
    await commit(client, session)
    expect(session.activity).toEqual({ reads: 1, writes: 1 })
    expect(session.expiresAt).toBe(START + 16 * MINUTE)
  })

  it('a save or a login that the handler did not wait for belongs to its response', async () => {
    const { open, commit, visit } = bed()
    const client = newClient()
    const session = await open(client)
    void session.login('ann')
    expect((await commit(client, session))?.cookies).toHaveLength(1)
    expect(await visit(client, (again) => again.subject)).toBe('ann')
  })

  it('P13 P14 W7 W8 Y13 Y40: after destroy the data is empty, reading works, and what is written is never stored', async () => {
    const { open, visit, commit, store } = bed()
    const client = newClient()
    await visit(client, (session) => session.set('secret', 's'))
    const old = copyOf(client)
    const session = await open(client)
    const held = session.data
    await session.destroy()
    expect([session.keys(), held, session.handle, session.isStarted]).toEqual([[], {}, undefined, false])
    session.data['late'] = 1
    expect(await session.save()).toBe('unchanged')
    expect(await session.update((data) => Object.keys(data))).toEqual(['late'])
    expect((await commit(client, session))?.cookies[0]).toMatch(/^__Host-id=; .*Max-Age=0/)
    expect(client.jar.size).toBe(0)
    expect(await recordsIn(store as ReturnType<typeof memoryStore>)).toEqual([])
    expect(await visit(old, (again) => again.keys())).toEqual([])
  })

  it('VULN-9: after destroy, start or login begins a session with another token', async () => {
    const { visit } = bed()
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const before = tokenOf(client)
    await visit(client, async (session) => {
      await session.destroy()
      session.start().set('b', 2)
    })
    expect(tokenOf(client)).not.toBe(before)
    expect(await visit(client, (session) => session.keys())).toEqual(['b'])
    await visit(client, async (session) => {
      await session.destroy()
      await session.login('ann')
    })
    expect(await visit(client, (session) => [session.subject, session.keys()])).toEqual(['ann', []])
  })

  it('rotating changes the token and nothing else; with nothing to rotate it does nothing', async () => {
    const { visit } = bed()
    const client = newClient()
    expect(await visit(client, (session) => session.rotate())).toBe('unchanged')
    expect(client.jar.size).toBe(0)
    const { handle } = await visit(client, (session) => session.set('a', 1).start())
    const before = tokenOf(client)
    expect(await visit(client, (session) => session.rotate())).toBe('rotated')
    expect(tokenOf(client)).not.toBe(before)
    expect(await visit(client, (session) => [session.handle, session.get('a')])).toEqual([handle, 1])
  })
})
