// Replies that are lost and connections that break between any two messages, and records of other versions of this
// package: what every networked store makes of them, through a front and over HTTP.
import type { TestContext } from 'vitest'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Weather } from '../faults/proxy.ts'
import { CALM, startProxy } from '../faults/proxy.ts'
import type { Client } from '../support/bed.ts'
import { copyOf, newClient } from '../support/bed.ts'
import { recordsIn } from '../support/stores.ts'
import type { Front, Page } from './support/front.ts'
import { startFront } from './support/front.ts'
import type { Networked, NetworkedStore } from './support/networked.ts'
import { networked } from './support/networked.ts'
import { upTo } from './support/sessions.ts'

interface Broken {
  readonly front: Front
  /** Past what breaks. */
  readonly raw: NetworkedStore
  /** Lets the trouble happen to these of the next pieces of data, counted from 1; tells whether it has. */
  readonly plan: (trouble: 'cut' | 'dropReply' | 'cutReply', ...pieces: readonly number[]) => () => boolean
}

async function broken(context: TestContext, { start, open }: Networked): Promise<Broken> {
  const server = await start(context)
  let due: number[] = []
  let piece = 0
  let hits = 0
  const random = (): number => {
    const isHit = due.includes(++piece)
    if (isHit) hits++
    return isHit ? 0 : 1
  }
  const proxy = await startProxy({ target: server, random })
  onTestFinished(() => proxy.close())
  const front = await startFront({ store: await open(proxy), storeTimeout: '5s' })
  return {
    front,
    raw: await open(server),
    plan(trouble, ...pieces) {
      const weather: Weather = { ...CALM, [trouble]: 0.5 }
      due = [...pieces]
      piece = 0
      hits = 0
      proxy.setWeather(pieces.length > 0 ? weather : CALM)
      return () => hits > 0
    },
  }
}

async function started(front: Front, page: Page): Promise<Client> {
  const client = newClient()
  expect(await front.visit(client, page)).toMatchObject({ status: 200 })
  return client
}

/** As a person who presses the button again when there was an error. */
async function persistently(front: Front, client: Client, page: Page): Promise<void> {
  for (const _ of upTo(3)) if ((await front.visit(client, page)).status === 200) return
  throw new Error(`three times an error: ${front.errors.join('; ')}`)
}

async function read(front: Front, client: Client): Promise<unknown> {
  return (await front.visit(client, (session) => [session.subject ?? null, session.get('a') ?? null])).body
}

interface Deed {
  readonly name: string
  readonly before: Page
  readonly deed: Page
  /** What the visitor has afterwards, what whoever kept the old cookie has, and how many sessions there are. */
  readonly after: { readonly mine: unknown; readonly old: unknown; readonly sessions: number }
}

const nothing = [null, null]
const keep = { keep: 'all' } as const
const deeds: readonly Deed[] = [
  {
    name: 'a first save',
    before: () => undefined,
    deed: (session) => session.set('a', 1).save(),
    after: { mine: [null, 1], old: nothing, sessions: 1 },
  },
  {
    name: 'a save',
    before: (session) => session.set('a', 1),
    deed: (session) => session.set('a', 2).save(),
    after: { mine: [null, 2], old: [null, 2], sessions: 1 },
  },
  {
    name: 'a login',
    before: (session) => session.set('a', 1),
    deed: (session) => session.login('ann', keep),
    after: { mine: ['ann', 1], old: nothing, sessions: 1 },
  },
  {
    name: 'a rotation',
    before: async (session) => (await session.login('ann'), session.set('a', 1)),
    deed: (session) => session.rotate({ grace: '0s' }),
    after: { mine: ['ann', 1], old: nothing, sessions: 1 },
  },
  {
    name: 'a logout',
    before: (session) => session.login('ann'),
    deed: (session) => session.logout(),
    after: { mine: nothing, old: nothing, sessions: 0 },
  },
  {
    name: 'a logout that keeps data',
    before: async (session) => (await session.login('ann'), session.set('a', 1)),
    deed: (session) => session.logout(keep),
    after: { mine: [null, 1], old: nothing, sessions: 1 },
  },
]

describe.each(networked)('on $name', (kind) => {
  it('STORE-6: when the reply of an operation is lost and the visitor repeats the request, it was done once', async (context) => {
    const { front, raw, plan } = await broken(context, kind)
    for (const { name, before, deed, after } of deeds) {
      await raw.clear()
      const client = await started(front, before)
      const old = copyOf(client)
      let isArmed = true
      let wasLost = (): boolean => false
      await persistently(front, client, (session) => {
        if (isArmed) wasLost = plan('dropReply', 1)
        isArmed = false
        return deed(session)
      })
      expect(wasLost(), name).toBe(true)
      plan('cut')
      const found = {
        mine: await read(front, client),
        old: await read(front, old),
        sessions: (await recordsIn(raw)).length,
      }
      expect(found, name).toEqual(after)
    }
    for (const end of ['endAll', 'revokeAll'] as const) {
      await raw.clear()
      const client = await started(front, (session) => session.login('ann'))
      const user = front.sessions.forSubject('ann')
      const wasLost = plan('dropReply', 1)
      const call = (): Promise<unknown> => (end === 'endAll' ? user.endAll() : front.sessions.revokeAll())
      await call().catch(call)
      expect([wasLost(), await read(front, client), await recordsIn(raw)], end).toEqual([true, nothing, []])
    }
  })

  it('STORE-7: wherever between two messages connections break, no session is half rotated and no user is under an old id', async (context) => {
    const { front, raw, plan } = await broken(context, kind)
    let breaks = 0
    for (const { name, before, deed, after } of deeds.slice(2, 4)) {
      for (const trouble of ['cut', 'dropReply', 'cutReply'] as const) {
        for (const first of [1, 2, 3, 4]) {
          await raw.clear()
          const client = await started(front, before)
          const old = copyOf(client)
          let wasHit = (): boolean => false
          await front.visit(client, (session) => {
            wasHit = plan(trouble, first, first + 1)
            return deed(session)
          })
          if (wasHit()) breaks++
          plan('cut')
          const records = await recordsIn(raw)
          expect(records, `${name}, ${trouble} ${first}`).toHaveLength(1)
          const isDone = records[0]?.[1].version !== (name === 'a login' ? 1 : 2)
          // The visitor may not have heard of it; whoever has the old cookie has the whole old session, or nothing.
          const undone = name === 'a login' ? [null, 1] : ['ann', 1]
          expect(await read(front, old), `${name}, ${trouble} ${first}`).toEqual(isDone ? after.old : undone)
        }
      }
    }
    expect(breaks).toBeGreaterThanOrEqual(12)
  })

  it('STORE-14: a record of a newer version is refused with an event, and left alone', async (context) => {
    const { front, raw } = await broken(context, kind)
    const undecodable: unknown[] = []
    front.sessions.on('undecodable', (event) => undecodable.push(event))
    const client = await started(front, (session) => session.login('ann'))
    const old = copyOf(client)
    const newer = '{"v":2,"authentication":{"by":"passkey"}}'
    const [[key, record] = []] = await recordsIn(raw)
    if (key === undefined || record === undefined) throw new Error('nothing was stored')
    const changed = { ...record, version: record.version + 1, meta: newer }
    expect((await raw.update(key, record.version, changed)).outcome).toBe('updated')
    expect(await read(front, client)).toEqual(nothing)
    expect((await front.visit(client, (session) => session.set('a', 1))).status).toBe(200)
    expect(await read(front, client)).toEqual([null, 1])
    expect(client.jar).not.toEqual(old.jar)
    expect(undecodable.length).toBeGreaterThan(0)
    expect(await raw.get(key)).toEqual(changed)
  })

  it('STORE-15: hard values come back exactly, and what would be changed is refused and not stored', async (context) => {
    const { front } = await broken(context, kind)
    const values = {
      nul: 'a\u0000b\u0000',
      surrogates: ['\ud800', '\udfff\ud800', '😀', '\u{10ffff}'],
      separators: '\u2028\u2029\u0085\ufeff\r\n\t\\\'"`%_$1?',
      empty: ['', [], {}, null],
      numbers: [0, -1, 0.1 + 0.2, Number.MAX_SAFE_INTEGER, Number.MIN_VALUE, -1e308],
      long: 'ß'.repeat(16_384),
      'key \u0000 "😀"': true,
    }
    const large = await startFront({ store: (await broken(context, kind)).raw, limits: { bytes: 200_000 } })
    const client = await started(large, (session) => Object.assign(session.data, values))
    const text = JSON.stringify(values)
    expect(text.length).toBeGreaterThan(16_384)
    expect((await large.visit(client, (session) => session.data)).body).toStrictEqual(values)
    const sixtyFour = 'x'.repeat(65_536)
    await large.visit(client, (session) => session.set('long', sixtyFour))
    expect((await large.visit(client, (session) => session.data)).body).toStrictEqual({ ...values, long: sixtyFour })

    const cycle: unknown[] = []
    cycle.push(cycle)
    const visitor = await started(front, (session) => session.set('a', 1))
    for (const value of [NaN, Infinity, 1n, new Map(), new Date(NaN), new URL('a:b'), cycle, [undefined]]) {
      const { status } = await front.visit(visitor, (session) => session.set('a', value))
      expect([status, await read(front, visitor)], String(value?.constructor)).toEqual([500, [null, 1]])
    }
    expect(front.errors.every((error) => error.startsWith('not-encodable'))).toBe(true)
  })

  it('STORE-17: what a newer version has added to a record survives saves, rotations and elevations by this one', async (context) => {
    const { front, raw } = await broken(context, kind)
    const client = await started(front, (session) => session.login('ann'))
    const [[key, record] = []] = await recordsIn(raw)
    if (key === undefined || record === undefined) throw new Error('nothing was stored')
    const added = { device: { id: 'd-1' }, risk: 0.5 }
    const meta = JSON.stringify({ ...JSON.parse(record.meta), ...added })
    await raw.update(key, record.version, { ...record, version: record.version + 1, meta })
    const pages: readonly Page[] = [
      (session) => session.set('a', 1),
      (session) => session.rotate(),
      (session) => session.elevate({ factors: ['totp'] }),
    ]
    for (const page of pages) {
      expect((await front.visit(client, page)).status).toBe(200)
      expect(await read(front, client)).toEqual(['ann', 1])
      const live = (await recordsIn(raw)).map(([, { meta }]): unknown => JSON.parse(meta))
      expect(live).toEqual([expect.objectContaining({ v: 1, ...added })])
    }
    // The older version knows less of it, and an older form is read.
    const [[last, current] = []] = await recordsIn(raw)
    if (last === undefined || current === undefined) throw new Error('nothing is stored')
    const older = '{"v":1,"authentication":{"at":1,"level":2,"factors":["password"]}}'
    await raw.update(last, current.version, { ...current, version: current.version + 1, meta: older })
    expect(await read(front, client)).toEqual(['ann', 1])
    expect((await front.visit(client, (session) => session.authentication)).body).toMatchObject({
      level: 2,
      shownAt: [1],
    })
  })
})
