import { describe, expect, it } from 'vitest'
import type { BedOptions, Loose } from '../../../test/support/bed.ts'
import { MINUTE, bed, newClient, testClock } from '../../../test/support/bed.ts'
import type { Counter } from '../../../test/support/schema.ts'
import { counterSchema } from '../../../test/support/schema.ts'
import { recordsIn } from '../../../test/support/stores.ts'
import { memoryStore } from '../../stores/memory.ts'

function fail(error: Error = new Error('cannot be read')): never {
  throw error
}

/** A user of the application before its data had the form that it has now. */
async function oldForm(data: Loose) {
  const clock = testClock()
  const store = memoryStore({ now: clock.now })
  const client = newClient()
  await bed<Loose>({ store, clock }).visit(client, async (session) => {
    Object.assign(session.data, data)
    session.flash('info', 'hello')
    await session.login('ann', { keep: 'all' })
  })
  const rules = { schema: counterSchema, initial: () => ({ count: 0 }) }
  const deployed = (options: BedOptions<Counter> = {}) => bed<Counter>({ store, clock, ...rules, ...options })
  const stored = async (): Promise<Loose> => JSON.parse((await recordsIn(store))[0]?.[1].data ?? '') as Loose
  return { client, clock, deployed, stored }
}

describe('data of an earlier version of the application', () => {
  it('do not change who the user is, neither within the request that meets them nor in a later one (F7)', async () => {
    const { client, deployed } = await oldForm({ count: 'old' })
    const { visit } = deployed()
    for (let i = 0; i < 2; i++) {
      await visit(client, (session) => {
        expect([session.subject, session.data.count, session.subject, session.isNew]).toEqual(['ann', 0, 'ann', false])
      })
    }
    await visit(client, async (session) => {
      session.data.count = 5
      await session.save()
      expect(session.subject).toBe('ann')
    })
    expect(await visit(client, (session) => [session.subject, session.data.count])).toEqual(['ann', 5])
  })

  it('stay in the store through reading, use, an idle limit and rotation, until the application changes something', async () => {
    const { client, clock, deployed, stored } = await oldForm({ count: 'old' })
    const { visit, record } = deployed()
    const before = await stored()
    const seen = record('undecodable')
    await visit(client, (session) => session.data)
    clock.advance(2 * MINUTE)
    await visit(client, (session) => void session.start({ idle: '5m' }).data)
    await visit(client, async (session) => {
      expect(session.data.count).toBe(0)
      await session.rotate()
      await session.update(() => undefined)
    })
    await visit(client, async (session) => {
      expect(session.data.count).toBe(0)
      await session.login('ann', { keep: 'all' })
    })
    expect(await stored()).toEqual(before)
    expect(seen).toHaveLength(4)
    await visit(client, (session) => session.increment('count'))
    expect(await stored()).toEqual({ count: 1, $flash: [{ kind: 'info', message: 'hello' }] })
    await visit(client, async (session) => expect(await session.flashes()).toHaveLength(1))
    expect(seen).toHaveLength(5)
  })

  it('begin anew once for two requests that meet them at the same time, and both changes stay', async () => {
    const { client, deployed } = await oldForm({ count: 'old' })
    const { open, commit, visit } = deployed()
    const [one, two, three] = [await open(client), await open(client), await open(client)]
    three.start({ idle: '5m' }).set('count', 0)
    await commit(client, three)
    await one.increment('count')
    await two.increment('count')
    await commit(client, one)
    await commit(client, two)
    expect(await visit(client, (session) => session.data.count)).toBe(2)
  })

  it('are what `migrate` makes of them, also where the codec cannot read the text', async () => {
    const { client, deployed, stored } = await oldForm({ n: '7' })
    const given: unknown[] = []
    const migrate = (value: unknown): Counter => {
      given.push(value)
      return { count: typeof value === 'string' ? value.length : Number(Reflect.get(Object(value) as object, 'n')) }
    }
    const { visit, record } = deployed({ migrate })
    const seen = record('undecodable')
    expect(await visit(client, (session) => [session.subject, session.data.count])).toEqual(['ann', 7])
    expect(given).toEqual([{ n: '7' }])
    expect(seen).toMatchObject([{ event: { data: 'migrated' } }])
    expect(await stored()).toMatchObject({ n: '7' })

    const rot13 = {
      encode: (value: unknown) => `!${JSON.stringify(value)}`,
      decode: (text: string): unknown => JSON.parse(text.slice(1)),
    }
    const other = deployed({
      migrate,
      codec: { ...rot13, decode: (text) => (text.startsWith('!') ? rot13.decode(text) : fail()) },
    })
    await other.visit(client, (session) => session.increment('count'))
    expect(given[1]).toBe('{"n":"7","$flash":[{"kind":"info","message":"hello"}]}')
    const { length } = String(given[1])
    expect(await other.visit(client, (session) => session.data.count)).toBe(length + 1)
    expect(given).toHaveLength(2)
  })

  it('begin anew where `migrate` throws, or gives what the schema refuses, and the event has its error', async () => {
    const { client, deployed } = await oldForm({ n: 7 })
    const bad = new TypeError('no such form')
    const answers: readonly (readonly [migrate: () => Counter, error: unknown])[] = [
      [() => fail(bad), bad],
      [() => ({ count: 'x' }) as never, { code: 'invalid-data' }],
      [() => undefined as never, expect.anything()],
    ]
    for (const [migrate, error] of answers) {
      const { visit, record } = deployed({ migrate })
      const seen = record('undecodable')
      expect(await visit(client, (session) => [session.subject, session.data.count])).toEqual(['ann', 0])
      expect(seen).toMatchObject([{ event: { data: 'initial', error } }])
    }
  })
})
