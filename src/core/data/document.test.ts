import { describe, expect, it } from 'vitest'
import type { Loose } from '../../../test/support/bed.ts'
import { bed, copyOf, newClient, testClock } from '../../../test/support/bed.ts'
import type { Counter } from '../../../test/support/schema.ts'
import { counterSchema, schemaOf } from '../../../test/support/schema.ts'
import { recordsIn } from '../../../test/support/stores.ts'
import { memoryStore } from '../../stores/memory.ts'
import type { Codec } from './codec.ts'
import { jsonCodec } from './codec.ts'
import type { Session } from '../session.ts'

async function poison(store: ReturnType<typeof memoryStore>, data: string, meta?: string): Promise<void> {
  for (const [key, record] of await recordsIn(store)) {
    await store.update(key, record.version, { ...record, version: record.version + 1, data, meta: meta ?? record.meta })
  }
}

describe('data with a schema', () => {
  it('data that fits is kept, and the type is what the schema says', async () => {
    const { visit } = bed<Counter>({ schema: counterSchema, initial: () => ({ count: 0 }) })
    const client = newClient()
    await visit(client, (session) => void (session.data.count += 1))
    await visit(client, (session) => session.increment('count'))
    expect(await visit(client, (session) => session.data.count)).toBe(2)
  })

  it('data that does not fit is refused at the save with its path, and the old state stays', async () => {
    const { open, visit } = bed<Counter>({ schema: counterSchema, initial: () => ({ count: 0 }) })
    const client = newClient()
    await visit(client, (session) => session.set('count', 5))
    const session = await open(client)
    session.set('count', 'many' as never)
    await expect(session.commit()).rejects.toMatchObject({
      code: 'invalid-data',
      message: 'session data: data.count does not fit the schema',
    })
    expect(await visit(client, (again) => again.data.count)).toBe(5)
  })

  it('stored data that no longer fits begins anew, and an event says so', async () => {
    const clock = testClock()
    const store = memoryStore({ now: clock.now })
    const client = newClient()
    await bed<Loose>({ store, clock }).visit(client, (session) => session.set('count', 'old form'))
    const { visit, record } = bed<Counter>({ store, clock, schema: counterSchema, initial: () => ({ count: 0 }) })
    const seen = record('undecodable')
    expect(await visit(client, (session) => session.data.count)).toBe(0)
    expect(seen).toMatchObject([{ event: { data: 'initial', error: { code: 'undecodable' } } }])
  })

  it('a schema may give data another form when it is loaded', async () => {
    const upgrade = schemaOf<Counter>((value) => ({
      value: {
        count: Number(Reflect.get(Object(value) as object, 'count') ?? Reflect.get(Object(value) as object, 'n') ?? 0),
      },
    }))
    const clock = testClock()
    const store = memoryStore({ now: clock.now })
    const client = newClient()
    await bed<Loose>({ store, clock }).visit(client, (session) => session.set('n', '7'))
    const { visit } = bed<Counter>({ store, clock, schema: upgrade, initial: () => ({ count: 0 }) })
    await visit(client, (session) => session.increment('count'))
    expect(await visit(client, (session) => ({ ...session.data }))).toEqual({ count: 8 })
  })

  it('starting contents that do not fit are an error of the application', async () => {
    const { open } = bed<Counter>({ schema: counterSchema })
    const session = await open(newClient())
    expect(() => session.data).toThrow(/data\.count does not fit the schema/)
  })

  it('a schema that answers later is a TypeError with the remedy', async () => {
    const later = schemaOf<Counter>(async () => ({ value: { count: 1 } }))
    const session = await bed<Counter>({ schema: later }).open(newClient())
    expect(() => session.data).toThrow(/^schema: it must validate synchronously/)
  })

  it('an issue without a path names the data as a whole', async () => {
    const never = schemaOf<Loose>((value) =>
      Object.keys(Object(value) as object).length === 0 ? { value: {} } : { issues: [{ message: 'no' }] },
    )
    const session = await bed({ schema: never }).open(newClient())
    session.set('a', 1)
    await expect(session.save()).rejects.toThrow('session data: data does not fit the schema')
  })
})

describe('data with a codec of its own', () => {
  const dates: Codec = {
    encode: (value) =>
      JSON.stringify(value, (_key, item: unknown) => (item instanceof Map ? { $map: [...item] } : item)),
    decode: (text) =>
      JSON.parse(text, (_key, item: unknown): unknown => {
        const pairs: unknown = typeof item === 'object' && item !== null ? Reflect.get(item, '$map') : undefined
        return Array.isArray(pairs) ? new Map(pairs as [unknown, unknown][]) : item
      }) as unknown,
  }

  it('RACE-1: rich values round-trip, and overlapping changes beside them are merged', async () => {
    const { visit, open, commit } = bed({ codec: dates })
    const client = newClient()
    await visit(client, (session) => session.set('map', new Map([['a', 1]])).set('n', 1))
    const [one, two] = [await open(client), await open(client)]
    one.set('map', new Map([['a', 2]]))
    two.set('n', 2)
    await commit(client, one)
    await commit(client, two)
    expect(await visit(client, (session) => ({ ...session.data }))).toEqual({ map: new Map([['a', 2]]), n: 2 })
  })

  it('VULN-33 DOS-9: a codec that makes own __proto__ keys pollutes nothing', async () => {
    const lax: Codec = { encode: (value) => JSON.stringify(value), decode: (text) => JSON.parse(text) as unknown }
    const clock = testClock()
    const store = memoryStore({ now: clock.now })
    const { visit, open, commit } = bed({ store, clock, codec: lax })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    await poison(store, '{"a":1,"__proto__":{"isAdmin":true}}')
    const [one, two] = [await open(client), await open(client)]
    one.set('b', 1)
    two.set('c', 1)
    await commit(client, one)
    await commit(client, two)
    await visit(client, (session) => {
      expect(session.get('isAdmin')).toBeUndefined()
      expect(Object.getPrototypeOf(session.data)).toBe(Object.prototype)
    })
    expect(Reflect.get({}, 'isAdmin')).toBeUndefined()
  })
})

describe('stored data that cannot be read', () => {
  const wrong = ['{oops', '', 'null', '[]', '7', '"text"', '{"__proto__":{"isAdmin":true}}', '\u0000', 'undefined']

  it('VULN-39: begins anew with an event, crashes nothing, and is left for inspection', async () => {
    for (const text of wrong) {
      const clock = testClock()
      const store = memoryStore({ now: clock.now })
      const { visit, record } = bed({ store, clock })
      const seen = record('undecodable')
      const client = newClient()
      await visit(client, (session) => session.set('a', 1))
      await poison(store, text)
      expect(await visit(client, (session) => [session.keys(), session.isStarted]), text).toEqual([[], true])
      expect(seen, text).toHaveLength(1)
      expect((await recordsIn(store)).map(([, { data }]) => data)).toEqual([text])
    }
  })

  it('VULN-39: does not lock its visitor out of writing, updating, or signing in', async () => {
    const acts: readonly (readonly [string, (session: Session<Loose>) => unknown])[] = [
      ['set', (session) => session.set('n', 1)],
      ['increment', (session) => session.increment('n')],
      ['login', (session) => session.set('n', 1).login('ann', { keep: ['n'] })],
      ['login that keeps', (session) => session.login('ann', { keep: ['n'] })],
      ['logout that keeps', (session) => session.logout({ keep: ['n'] })],
      ['take', (session) => session.take('n')],
      ['flashes', (session) => session.flashes()],
    ]
    for (const [name, act] of acts) {
      const clock = testClock()
      const store = memoryStore({ now: clock.now })
      const { visit } = bed({ store, clock })
      const client = newClient()
      await visit(client, (session) => session.set('a', 1))
      await poison(store, '{oops')
      await expect(visit(client, act), name).resolves.not.toBe('an error')
      expect(await visit(client, (session) => session.get('a')), name).toBeUndefined()
    }
  })

  it('VULN-39 ASVS5-7.4.1: signing out, or in again, ends it nevertheless', async () => {
    for (const meta of [undefined, '{"v":2,"authentication":{}}']) {
      for (const act of ['logout', 'login'] as const) {
        const clock = testClock()
        const store = memoryStore({ now: clock.now })
        const { visit, signedIn } = bed({ store, clock })
        const client = await signedIn('ann')
        const thief = copyOf(client)
        await poison(store, '{oops', meta)
        await visit(client, async (session) => {
          session.get('a')
          await (act === 'login' ? session.login('ann') : session.logout())
        })
        const left = await recordsIn(store)
        expect(left, `${act} ${String(meta)}`).toHaveLength(act === 'login' ? 1 : 0)
        expect(await visit(thief, (session) => session.subject)).toBeUndefined()
      }
    }
  })

  it('VULN-39: found only when a write conflicts, it is a typed error and no half-written session', async () => {
    const clock = testClock()
    const store = memoryStore({ now: clock.now })
    const { visit, open } = bed({ store, clock })
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    const session = await open(client)
    session.set('b', 1)
    await poison(store, '{oops')
    await expect(session.commit()).rejects.toMatchObject({ code: 'undecodable' })
    expect((await recordsIn(store)).map(([, { data }]) => data)).toEqual(['{oops'])
  })

  it('STORE-14: facts of a newer version count as absent with an event, and the record is not deleted', async () => {
    const clock = testClock()
    const store = memoryStore({ now: clock.now })
    const { visit, record, signedIn } = bed({ store, clock })
    const seen = record('undecodable')
    const client = await signedIn('ann')
    await poison(store, '{}', '{"v":2,"authentication":{"at":1}}')
    expect(await visit(client, (session) => [session.subject, session.isStarted])).toEqual([undefined, false])
    expect(seen).toHaveLength(1)
    await visit(client, (session) => session.set('a', 1))
    expect((await recordsIn(store)).map(([, { meta }]) => meta).toSorted()).toEqual([
      '',
      '{"v":2,"authentication":{"at":1}}',
    ])
  })
})

describe('the size of data', () => {
  it('DOS-6 CS-17: one byte over the limit is a typed error, the store is not called, and the old state stays', async () => {
    const { open, visit } = bed({ limits: { bytes: 100 } })
    const client = newClient()
    const text = (bytes: number): string => 'é'.repeat((bytes - '{"a":""}'.length) / 2)
    await visit(client, (session) => session.set('a', text(100)))
    const session = await open(client)
    session.set('a', text(102))
    await expect(session.commit()).rejects.toMatchObject({
      code: 'too-large',
      message: 'session data: 102 bytes encoded, over the limit of 100',
    })
    expect(session.activity.writes).toBe(0)
    expect(await visit(client, (again) => again.get('a'))).toBe(text(100))
  })

  it('DOS-4: sessions without a subject may be given a smaller limit, which a login lifts', async () => {
    const { open, visit } = bed({ limits: { bytes: 1000, anonymousBytes: 50 } })
    const client = newClient()
    const session = await open(client)
    session.set('a', 'x'.repeat(60))
    await expect(session.commit()).rejects.toMatchObject({ code: 'too-large' })
    await visit(client, (again) => again.login('ann'))
    await visit(client, (again) => again.set('a', 'x'.repeat(60)))
    expect(await visit(client, (again) => again.get('a'))).toHaveLength(60)
    await expect(visit(client, (again) => again.logout({ keep: 'all' }))).rejects.toMatchObject({ code: 'too-large' })
  })

  it('jsonCodec can be made with other limits', () => {
    expect(jsonCodec({ depth: 2, keys: 1 }).encode({ a: [1] })).toBe('{"a":[1]}')
    expect(() => jsonCodec({ depth: 1, keys: 1 }).encode({ a: [1] })).toThrow(/deeper than 1 levels/)
  })
})
