import { expect, it } from 'vitest'
import type { StoreUnderTest } from '../../support/stores.ts'
import { storesUnderTest } from '../../support/stores.ts'
import { violationsOf } from './check/check.ts'
import type { Entry } from './history.ts'
import { told } from './history.ts'
import { play, scheduleClock } from './schedule.ts'

/**
 * `RACE_SEED` begins elsewhere, and `RACE_SCHEDULES` plays more or fewer. A failure names the seed of its schedule: with
 * that seed and one schedule it is played again.
 */
const SEED = Number(process.env['RACE_SEED'] ?? 20_260_105)
const SCHEDULES = Number(process.env['RACE_SCHEDULES'] ?? 12_000)

/** The disk makes a schedule some ten times as slow as memory does. */
const SHARES: Readonly<Record<string, number>> = { memory: 10 / 12 }
const SHARE = 1 / 12

const ROWS = 'RACE-1 RACE-2 RACE-3 RACE-4 RACE-5 RACE-6 RACE-9 RACE-10 RACE-11 RACE-14 RACE-15 RACE-16'

const EXPECTED: readonly string[] = [
  'advance',
  'evicted',
  'event conflict',
  'event gone',
  'event superseded',
  'failed gone',
  'failed subject-limit',
  'failed superseded',
  'failed store-unavailable',
  'fault after',
  'fault before',
  'get dead',
  'get live',
  'get moved',
  'get nothing',
  'insert limit',
  'rotate conflict',
  'rotate gone',
  'rotate limit',
  'update conflict',
  'update gone',
]

for (const underTest of storesUnderTest) {
  const count = Math.max(1, Math.round(SCHEDULES * (SHARES[underTest.name] ?? SHARE)))
  it(`${ROWS}: in ${count} random schedules nothing is lost, revived or shown to the wrong (${underTest.name} store)`, async () => {
    console.log(`${count} random schedules on the ${underTest.name} store from seed ${SEED}`)
    const { failure, milliseconds, seen } = await playMany(underTest, count)
    console.log(`${underTest.name}: ${count} schedules in ${milliseconds} ms: ${JSON.stringify(seen)}`)
    expect(failure).toBeUndefined()
    if (count >= 1000) for (const what of EXPECTED) expect(seen[what], what).toBeGreaterThan(0)
  }, 600_000)
}

interface Result {
  /** The first schedule in which something was wrong, with all that happened in it. */
  readonly failure: string | undefined
  readonly milliseconds: number
  /** How often what happened: the proof that the schedules are no idle talk. */
  readonly seen: Readonly<Record<string, number>>
}

async function playMany({ name, make }: StoreUnderTest, count: number): Promise<Result> {
  const clock = scheduleClock()
  const { store, close } = await make(clock.now)
  const seen: Record<string, number> = {}
  const start = performance.now()
  let failure: string | undefined
  for (let seed = SEED; seed < SEED + count && failure === undefined; seed++) {
    const played = await play(seed, { store, clock })
    const violations = await violationsOf(played)
    for (const what of played.entries.flatMap(kindsOf)) seen[what] = (seen[what] ?? 0) + 1
    const again = `RACE_SEED=${seed} RACE_SCHEDULES=1, ${name} store`
    if (violations.length > 0) failure = `${again}\n${violations.join('\n')}\n${told(played.entries)}`
    await store.clear()
  }
  await close()
  return { failure, milliseconds: Math.round(performance.now() - start), seen }
}

/** Names of what has to happen now and then. */
function kindsOf(entry: Entry): readonly string[] {
  switch (entry.type) {
    case 'call': {
      const {
        outcome,
        state,
        evicted = [],
      } = (entry.answer ?? {}) as Partial<Record<'outcome' | 'state', string>> & {
        readonly evicted?: readonly string[]
      }
      const kind = outcome ?? (entry.method === 'get' ? (state ?? 'nothing') : undefined)
      return [
        'call',
        ...(kind === undefined ? [] : [`${entry.method} ${kind}`]),
        ...(evicted.length > 0 ? ['evicted'] : []),
      ]
    }
    case 'fault':
      return [`fault ${entry.stage}`]
    case 'event':
      return [`event ${entry.name}`]
    case 'done':
      return entry.ok ? [] : [`failed ${entry.code}`]
    default:
      return [entry.type]
  }
}
