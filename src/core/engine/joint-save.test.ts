import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Bed, BedOptions, Client, Loose } from '../../../test/support/bed.ts'
import { bed, clientWith, newClient, testClock, tokenOf } from '../../../test/support/bed.ts'
import { storesUnderTest } from '../../../test/support/stores.ts'
import { memoryStore } from '../../stores/memory.ts'
import { countingStore, faultStore, pausableStore } from '../../testing/index.ts'
import { jsonCodec } from '../data/codec.ts'
import type { Session } from '../session.ts'
import { stateOf } from '../session.ts'

interface Scene extends Bed<Loose> {
  readonly client: Client
}

/** A visitor with a session, some kilobytes large if asked. */
async function scene(options: BedOptions<Loose> = {}, bytes = 10): Promise<Scene> {
  const world = bed<Loose>(options)
  const client = newClient()
  await world.visit(client, (session) => Object.assign(session.data, { list: [], fill: 'x'.repeat(bytes) }))
  return { ...world, client }
}

/** Requests of one session that all have loaded it, and each put a number of their own into its list. */
async function loaded({ open, client }: Scene, count: number): Promise<readonly Session<Loose>[]> {
  const sessions = await Promise.all(Array.from({ length: count }, () => open(client)))
  for (const [i, session] of sessions.entries()) (session.data['list'] as number[]).push(i)
  return sessions
}

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i)
const sorted = (list: unknown): readonly number[] => (list as number[]).toSorted((a, b) => a - b)
const listIn = ({ visit, client }: Scene): Promise<readonly number[]> =>
  visit(client, (session) => sorted(session.data['list']))

describe('saves of one session at once', () => {
  it('DOS-18: cost no more than their number, however many they are (S7)', async () => {
    const costOf = async (count: number): Promise<{ readonly decodes: number; readonly updates: number }> => {
      let decodes = 0
      const inner = jsonCodec({ depth: 10, keys: 1000 })
      const codec = {
        ...inner,
        decode: (text: string): unknown => {
          decodes++
          return inner.decode(text)
        },
      }
      const counting = countingStore(memoryStore())
      const world = await scene({ store: counting.store, codec, now: Date.now }, 20_000)
      const sessions = await loaded(world, count)
      decodes = 0
      counting.reset()
      await Promise.all(sessions.map(async (session) => session.commit()))
      const cost = { decodes, updates: counting.count('update') - count }
      expect(await listIn(world)).toEqual(numbers(count))
      return cost
    }
    const few = await costOf(20)
    const many = await costOf(200)
    // A merge decodes three texts, and what came of it is decoded once more by each: two merges for each save.
    expect(few.decodes).toBeLessThanOrEqual(2 * 3 * 20)
    expect(many.decodes).toBeLessThanOrEqual(2 * 3 * 200)
    // Beside the first attempt of each.
    expect(few.updates).toBeLessThanOrEqual(20)
    expect(many.updates).toBeLessThan(100)
  })

  for (const { name, make } of storesUnderTest) {
    it(`RACE-1: all are kept, and each sees what it has saved (${name})`, async () => {
      const clock = testClock()
      const { store, close } = await make(clock.now)
      const world = await scene({ store, clock })
      const sessions = await loaded(world, 40)
      await Promise.all(sessions.map((session) => session.save()))
      for (const [i, session] of sessions.entries()) expect(session.data['list']).toContain(i)
      // Nobody has to write what another one has brought along.
      for (const session of sessions) expect(session.commit()).not.toBeInstanceOf(Promise)
      expect(await listIn(world)).toEqual(numbers(40))
      await close()
    })
  }

  it('are written once where small, and nothing stays behind for the session', async () => {
    const { store, count, reset } = countingStore(memoryStore())
    const world = await scene({ store, now: Date.now })
    const sessions = await loaded(world, 30)
    reset()
    await Promise.all(sessions.map(async (session) => session.commit()))
    expect(count('update')).toBe(31)
    expect(stateOf(sessions[0]!).engine.lines.size).toBe(0)
  })

  it('take turns with those of other processes, and nothing is lost', async () => {
    const store = memoryStore()
    const worlds = await Promise.all([scene({ store, now: Date.now }), scene({ store, now: Date.now })])
    const [first, second] = worlds
    const here = await loaded(first, 20)
    const there = await Promise.all(numbers(20).map(() => second.open(clientWith(tokenOf(first.client)!))))
    for (const [i, session] of there.entries()) (session.data['list'] as number[]).push(20 + i)
    await Promise.all([...here, ...there].map(async (session) => session.commit()))
    expect(await listIn(first)).toEqual(numbers(40))
  })

  it('of which one cannot be kept: it fails, and the others are saved', async () => {
    const world = await scene({ limits: { anonymousBytes: 1000 } })
    const sessions = await loaded(world, 5)
    sessions[2]!.data['big'] = 'x'.repeat(700)
    sessions[3]!.data['other'] = 'x'.repeat(700)
    const results = await Promise.allSettled(sessions.map(async (session) => session.commit()))
    const failed = results.flatMap((result, i) => (result.status === 'rejected' ? [[i, result.reason]] : []))
    expect(failed).toMatchObject([[3, { code: 'too-large' }]])
    expect(await listIn(world)).toEqual([0, 1, 2, 4])
  })

  it('tell who overwrote what, in an event of each', async () => {
    const world = await scene()
    const sessions = await Promise.all(numbers(3).map(() => world.open(world.client)))
    for (const [i, session] of sessions.entries()) session.data['shared'] = i
    const seen = world.record('conflict')
    await Promise.all(sessions.map(async (session) => session.commit()))
    expect(seen.map(({ event }) => event['paths'])).toEqual([['shared'], ['shared']])
    expect(await world.visit(world.client, (session) => session.data['shared'])).toBe(2)
  })

  it('what the handler changes while it waits is kept, and saved next', async () => {
    const clock = testClock()
    const pausable = pausableStore(memoryStore({ now: clock.now }))
    const world = await scene({ store: pausable.store, clock })
    const [first, second, third] = await loaded(world, 3)
    await first!.save()
    pausable.hold({ method: 'update' })
    const both = Promise.all([second!.save(), third!.save()])
    const held = [await pausable.nextHeld(), await pausable.nextHeld()]
    for (const call of held) call.release()
    const joint = await pausable.nextHeld()
    ;(third!.data['list'] as number[]).push(100)
    third!.data['late'] = true
    joint.release()
    pausable.releaseAll()
    await both
    expect(sorted(third!.data['list'])).toEqual([0, 1, 2, 100])
    await third!.commit()
    expect(await world.visit(world.client, (session) => [sorted(session.data['list']), session.data['late']])).toEqual([
      [0, 1, 2, 100],
      true,
    ])
  })

  it('RACE-1: what cannot be encoded any more when they are written fails the save, and loses nobody anything', async () => {
    const clock = testClock()
    const pausable = pausableStore(memoryStore({ now: clock.now }))
    const world = await scene({ store: pausable.store, clock })
    const [first, second] = await loaded(world, 2)
    await first!.save()
    pausable.hold({ method: 'update' })
    const saving = second!.save()
    ;(await pausable.nextHeld()).release()
    const joint = await pausable.nextHeld()
    second!.data['wrong'] = () => undefined
    joint.release()
    pausable.releaseAll()
    await expect(saving).rejects.toMatchObject({ code: 'not-encodable' })
    delete second!.data['wrong']
    ;(second!.data['list'] as number[]).push(2)
    await second!.commit()
    expect(await listIn(world)).toEqual([0, 1, 2])
  })

  it('all fail when others end the session, and follow it when they rotate it', async () => {
    for (const end of ['endAll', 'rotate'] as const) {
      const clock = testClock()
      const pausable = pausableStore(memoryStore({ now: clock.now }))
      const world = await scene({ store: pausable.store, clock })
      await world.visit(world.client, (session) => session.login('ann', { keep: 'all' }))
      const sessions = await loaded(world, 4)
      await sessions[0]!.save()
      pausable.hold({ method: 'update' })
      const saving = Promise.allSettled(sessions.slice(1).map((session) => session.save()))
      for (let i = 0; i < 3; i++) (await pausable.nextHeld()).release()
      const joint = await pausable.nextHeld()
      if (end === 'endAll') await world.sessions.forSubject('ann').endAll()
      else await world.visit(world.client, (session) => session.rotate())
      joint.release()
      pausable.releaseAll()
      const results = await saving
      if (end === 'endAll') {
        for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'gone' } })
      } else {
        expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
        expect(await listIn(world)).toEqual([0, 1, 2, 3])
      }
    }
  })

  for (const [fault, what] of [
    ['reject', 'is not done'],
    ['drop-reply', 'is done and not answered'],
  ] as const) {
    it(`STORE-1: a write that ${what} fails all who are in it, and their next saves count once`, async () => {
      const clock = testClock()
      const { store, setRules } = faultStore(memoryStore({ now: clock.now }), { rules: [] })
      const world = await scene({ store, clock })
      const sessions = await loaded(world, 4)
      await sessions[0]!.save()
      // After the first attempts of the three, the one for all.
      setRules([{ fault, methods: ['update'], calls: [4] }])
      const results = await Promise.allSettled(sessions.slice(1).map((session) => session.save()))
      for (const result of results) {
        expect(result).toMatchObject({ status: 'rejected', reason: { code: 'store-unavailable' } })
      }
      await Promise.all(sessions.slice(1).map(async (session) => session.commit()))
      expect(await listIn(world)).toEqual([0, 1, 2, 3])
    })
  }
})

describe('a change that always loses', () => {
  it('DOS-18: gives up after thirty seconds, however few attempts that were', async () => {
    let time = 0
    vi.spyOn(performance, 'now').mockImplementation(() => (time += 12_000))
    onTestFinished(() => void vi.restoreAllMocks())
    const store = memoryStore()
    const world = await scene({ store, now: Date.now })
    const busy = { ...store, update: (...args: Parameters<typeof store.update>) => store.update(args[0], -1, args[2]) }
    const { open } = bed({ store: busy, now: Date.now })
    for (const change of ['save', 'increment'] as const) {
      const session = await open(clientWith(tokenOf(world.client)!))
      session.data['a'] = 1
      const done = change === 'save' ? session.save() : session.increment('n')
      await expect(done).rejects.toThrow(/changed it \d times/)
    }
  })
})
