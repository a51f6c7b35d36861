import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../src/stores/memory.ts'
import { createChecker } from './check/check.ts'
import type { Verdict } from './check/findings.ts'
import type { Ended, Window } from './history.ts'
import { seededRandom } from '../../src/testing/index.ts'
import { rehearse } from './rehearsal.ts'
import type { Deed, View } from './requests.ts'
import { plantedOnes } from './wrong.ts'

const SEED = Number(process.env['FAULT_SEED'] ?? 20_261_120)
const PATIENCE = 20_000

describe('the checker of the fault campaign', () => {
  it('STORE-18: it has nothing to say about a store that is right, whatever fails in front of it', async () => {
    const { findings, tally } = await rehearse(memoryStore(), { seed: SEED, acknowledged: 10_000 })
    expect(findings).toEqual([])
    expect(tally.done).toBeGreaterThan(10_000)
    expect(tally.unknown).toBeGreaterThan(50)
    expect(tally.happenedAllTheSame).toBeGreaterThan(5)
    for (const kind of [
      'login',
      'elevate',
      'rotate',
      'logout',
      'destroy',
      'endAll',
      'endOthers',
      'end',
      'list',
      'take',
    ]) {
      expect(tally.acknowledged.get(kind) ?? 0, kind).toBeGreaterThan(20)
    }
  })

  it('STORE-18: nor about one that is, when calls that end all sessions of a user arrive late, and were sent again', async () => {
    const { findings, tally } = await rehearse(tardy(SEED), { seed: SEED, acknowledged: 20_000 })
    expect(findings).toEqual([])
    expect(tally.endedLate).toBeGreaterThan(5)
  })

  it.each(plantedOnes.flatMap(({ name, found, make }) => found.map((kind) => ({ name, kind, make }))))(
    'STORE-18: it finds "$kind" where $name',
    async ({ kind, make }) => {
      const { findings } = await rehearse(make(SEED), { seed: SEED, acknowledged: PATIENCE, until: kind })
      expect(findings.map((finding) => finding.kind)).toContain(kind)
    },
  )
})

/** A good store with a bad connection: of these calls some are not answered, and done up to 120 ms later. */
function tardy(seed: number): ReturnType<typeof memoryStore> {
  const good = memoryStore()
  const random = seededRandom(seed)
  return {
    ...good,
    async deleteBySubject(...args) {
      if (random() > 0.3) return await good.deleteBySubject(...args)
      void setTimeout(random() * 120).then(() => good.deleteBySubject(...args))
      throw new Error('the connection broke')
    },
  }
}

/** What is done, what is answered, and the token that it comes with. */
type Step = readonly [Deed, Ended['answer'], number?]

/** One after the other, all at 10 ms, and the last at 100 ms. */
function judged(steps: readonly Step[], windows: readonly Window[] = []): Verdict {
  const checker = createChecker({ windows })
  for (const [index, [deed, answer, token]] of steps.entries()) {
    const op = index + 1
    const at = index === steps.length - 1 ? 100 : 10
    checker.read({ type: 'begun', op, at, deed, ...(token !== undefined && { token }) })
    checker.read({ type: 'ended', op, at, answer })
  }
  return checker.verdict()
}

const kindsOf = ({ findings }: Verdict): readonly string[] => findings.map(({ kind }) => kind)

describe('a time of announced loss', () => {
  const during = (loses: Window['loses']): readonly Window[] => [{ type: 'window', from: 0, to: 50, loses }]
  const arrived = [
    { kind: 'start', life: 'a' },
    { opened: 'unasked', result: 'done', token: 1, handle: 'h' },
  ] as const
  const view: View = { owner: 'a', level: 0, handle: 'h', count: 0, traces: [] }
  const marked = [{ kind: 'change' }, { opened: 'live', view, result: 'done' }, 1] as const
  const destroyed = [{ kind: 'destroy' }, { opened: 'live', view, result: 'done' }, 1] as const
  const foundDead = [{ kind: 'look' }, { opened: 'nothing', result: 'refused' }, 1] as const
  const foundLive = [{ kind: 'look' }, { opened: 'live', view, result: 'done' }, 1] as const

  it('STORE-8: what was saved in it may be gone, and is counted; outside of it nothing may be', () => {
    for (const [deeds, kind] of [
      [[arrived, foundDead], 'session lost'],
      [[arrived, marked, foundLive], 'update lost'],
    ] as const) {
      expect(kindsOf(judged(deeds))).toEqual([kind])
      expect(judged(deeds, during('saves'))).toMatchObject({ findings: [], tally: { lostInWindow: 1 } })
    }
  })

  it('STORE-8: where it concerns saves only, an ending in it is final all the same', () => {
    const deeds = [arrived, destroyed, foundLive]
    expect(kindsOf(judged(deeds, during('saves')))).toEqual(['old token opens'])
    expect(kindsOf(judged(deeds, during('all')))).toEqual([])
  })
})

describe('a session whose data are gone', () => {
  const user = { subject: 'free1' }
  const old: View = { owner: 'a', ...user, level: 1, handle: 'h1', count: 1, traces: [] }
  const emptied: View = { ...user, level: 1, handle: 'h2', count: 0, traces: [] }
  const endAll: Step = [
    { kind: 'endAll', ...user },
    { opened: 'unasked', result: 'done' },
  ]
  const life: readonly Step[] = [
    [
      { kind: 'enter', life: 'a', ...user },
      { opened: 'unasked', result: 'done', token: 1, handle: 'h1' },
    ],
    [{ kind: 'increment' }, { opened: 'live', view: { ...old, count: 0 }, result: 'done', count: 1 }, 1],
    [{ kind: 'login', ...user }, { opened: 'live', view: old, result: 'done', token: 2, handle: 'h2' }, 1],
    [{ kind: 'increment' }, { opened: 'live', view: emptied, result: 'done', count: 1 }, 2],
    [{ kind: 'look' }, { opened: 'live', view: { ...emptied, count: 1 }, result: 'done' }, 2],
  ]

  it('STORE-18: is reported where nothing can have ended the one before it', () => {
    expect(kindsOf(judged(life))).toEqual(["another's data", 'update lost', "another's data"])
  })

  it('STORE-18: is none where a call for all of the user, sent twice, can have arrived late', () => {
    expect(judged([endAll, ...life])).toMatchObject({ findings: [], tally: { endedLate: 1 } })
  })
})
