import { describe, expect, it } from 'vitest'
import type { Loose } from '../../../test/support/bed.ts'
import { START, bed, newClient, testClock } from '../../../test/support/bed.ts'
import { schemaOf } from '../../../test/support/schema.ts'
import { memoryStore } from '../../stores/memory.ts'
import { countingStore } from '../../testing/index.ts'

function counted() {
  const clock = testClock()
  const counting = countingStore(memoryStore({ now: clock.now }))
  return { counting, ...bed<Loose>({ store: counting.store, clock }) }
}

describe('data with undefined values and dates', () => {
  it('are saved by default, and the next request reads what JSON makes of them (F13)', async () => {
    const { visit } = bed()
    const client = newClient()
    await visit(client, (session) => {
      session.data['user'] = { name: 'Ann', avatar: undefined, since: new Date(START) }
      session.data['theme'] = undefined
    })
    expect(await visit(client, (session) => ({ ...session.data }))).toEqual({
      user: { name: 'Ann', since: '2026-01-05T12:00:00.000Z' },
    })
  })

  it('cause no write when each request sets the same again (rule 3)', async () => {
    const { visit, counting } = counted()
    const client = newClient()
    const set = (data: Loose): void => {
      data['a'] = undefined
      data['at'] = new Date(START)
      data['list'] = [{ b: undefined }, -0]
    }
    await visit(client, (session) => set(session.data))
    counting.reset()
    for (let i = 0; i < 3; i++) await visit(client, (session) => set(session.data))
    await visit(client, (session) => session.update(set))
    expect(counting.calls.map(({ method }) => method)).toEqual(['get', 'get', 'get', 'get'])
  })

  it('store nothing for a visitor who has nothing else', async () => {
    const { visit, counting } = counted()
    await visit(newClient(), (session) => {
      session.set('a', undefined)
      expect(session.delete('a')).toBe(false)
      session.data['b'] = undefined
    })
    expect(counting.calls).toEqual([])
  })

  it('are to the verbs of a request what they will be to the next one: an undefined value is absent', async () => {
    const { visit } = bed()
    const client = newClient()
    const look = (session: {
      get(key: string, other: unknown): unknown
      has(key: string): boolean
      keys(): unknown
      entries(): unknown
    }) => [session.get('theme', 'light'), session.has('theme'), session.keys(), session.entries()]
    const first = await visit(client, (session) => {
      session.set('theme', undefined).set('n', null)
      return look(session)
    })
    expect(first).toEqual(['light', false, ['n'], [['n', null]]])
    expect(await visit(client, look)).toEqual(first)
    await visit(client, (session) => {
      session.data['theme'] = undefined
      session.clear()
      expect(Object.keys(session.data)).toEqual([])
    })
  })

  it('merge: setting a key to undefined removes it, and nothing that the other request changed is lost', async () => {
    const { open, commit, visit, record } = bed()
    const client = newClient()
    await visit(client, (session) => Object.assign(session.data, { a: 1, b: { c: 1, d: 1 }, at: new Date(START) }))
    const clashes = record('conflict')
    const [one, other] = [await open(client), await open(client)]
    Object.assign(one.data, { a: undefined, b: { c: undefined, d: 1 }, at: new Date(START), e: undefined })
    Object.assign(other.data, { b: { c: 1, d: 2 }, f: 1 })
    await commit(client, other)
    await commit(client, one)
    const merged = { b: { d: 2 }, at: '2026-01-05T12:00:00.000Z', f: 1 }
    expect(one.data).toStrictEqual(merged)
    expect(await visit(client, (session) => ({ ...session.data }))).toStrictEqual(merged)
    expect(clashes).toMatchObject([{ event: { paths: [] } }])
  })

  it('are the schema’s after a merge too, so that a date which it makes is a date still', async () => {
    interface Seen {
      at: Date
      n: number
    }
    const schema = schemaOf<Seen>((value) => {
      const { at, n } = value as { at: string | Date; n: number }
      return { value: { at: new Date(at), n } }
    })
    const { open, commit, visit, store, clock } = bed<Seen>({ schema, initial: () => ({ at: new Date(START), n: 0 }) })
    const client = newClient()
    await visit(client, (session) => void (session.data.n = 1))
    const [one, other] = [await open(client), await open(client)]
    one.data.at = new Date(START + 1)
    other.data.n = 2
    await commit(client, other)
    await commit(client, one)
    expect(one.data).toEqual({ at: new Date(START + 1), n: 2 })
    const counting = countingStore(store)
    const again = bed<Seen>({ store: counting.store, clock, schema, initial: () => ({ at: new Date(START), n: 0 }) })
    expect(await again.visit(client, (session) => session.data.at.getTime())).toBe(START + 1)
    expect(counting.calls.map(({ method }) => method)).toEqual(['get'])
  })

  it('are errors with their path under `codec: strict`, and an unknown codec is one of the start', async () => {
    const { open } = bed({ codec: 'strict' })
    for (const value of [undefined, new Date(0), -0]) {
      const session = await open(newClient())
      session.data['user'] = { a: value }
      await expect(session.commit()).rejects.toMatchObject({
        code: 'not-encodable',
        message: expect.stringContaining('data.user.a') as string,
      })
    }
    expect(() => bed({ codec: 'yaml' as never })).toThrow(/^codec: expected 'json', 'strict' or an object/)
  })
})
