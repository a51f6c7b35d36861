import { expect, it } from 'vitest'
import { HOUR } from '../../support/bed.ts'
import type { StoreUnderTest } from '../../support/stores.ts'
import { violationsOf } from './check/check.ts'
import type { Entry } from './history.ts'
import { told } from './history.ts'
import type { Ground } from './schedule.ts'
import { play, scheduleClock } from './schedule.ts'

/**
 * `RACE_SEED` begins elsewhere, and `RACE_SCHEDULES` plays that many on each store. A failure names the seed of its
 * schedule: with that seed and one schedule it is played again.
 */
const SEED = Number(process.env['RACE_SEED'] ?? 20_260_105)
const WANTED = process.env['RACE_SCHEDULES']

/** How many schedules are played, and how many of them at the same time, each on a store of its own. */
export interface Amount {
  readonly count: number
  /** @defaultValue 1 */
  readonly atOnce?: number
  /** How a store is emptied between schedules: `sweep` leaves nothing behind, `clear` is quicker on a disk. @defaultValue 'clear' */
  readonly emptyBy?: 'clear' | 'sweep'
}

/** A test that plays random schedules on the store. */
export function randomSchedules(
  underTest: StoreUnderTest,
  { count: usual, atOnce = 1, emptyBy = 'clear' }: Amount,
): void {
  const count = WANTED === undefined ? usual : Number(WANTED)
  const { name } = underTest
  it(`${ROWS}: in ${count} random schedules nothing is lost, revived or shown to the wrong (${name} store)`, async (context) => {
    if (underTest.missing !== undefined) return context.skip(underTest.missing)
    console.log(`${count} random schedules on the ${name} store from seed ${SEED}`)
    const round: Round = { underTest, emptyBy, next: SEED, end: SEED + count, failure: undefined, seen: {} }
    const start = performance.now()
    await Promise.all(Array.from({ length: Math.min(atOnce, count) }, () => playMany(round)))
    console.log(
      `${name}: ${count} schedules in ${Math.round(performance.now() - start)} ms: ${JSON.stringify(round.seen)}`,
    )
    expect(round.failure).toBeUndefined()
    if (count >= 1000) for (const what of EXPECTED) expect(round.seen[what], what).toBeGreaterThan(0)
  }, 3_600_000)
}

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

/** What all that play at the same time share. */
interface Round {
  readonly underTest: StoreUnderTest
  readonly emptyBy: 'clear' | 'sweep'
  /** The seed of the schedule that is played next. */
  next: number
  readonly end: number
  /** The first schedule in which something was wrong, with all that happened in it. */
  failure: string | undefined
  /** How often what happened: the proof that the schedules are no idle talk. */
  readonly seen: Record<string, number>
}

/** A database that was written to this often is slow in finding what is not there any more. */
const PER_STORE = 500

async function playMany(round: Round): Promise<void> {
  while (isOn(round)) {
    const clock = scheduleClock()
    const { store, close } = await round.underTest.make(clock.now)
    for (let played = 0; played < PER_STORE && isOn(round); played++) await playOne(round, { store, clock })
    await close()
  }
}

function isOn({ next, end, failure }: Round): boolean {
  return next < end && failure === undefined
}

async function playOne(round: Round, ground: Ground): Promise<void> {
  const seed = round.next++
  const { entries, ...played } = await play(seed, ground)
  const violations = await violationsOf({ entries, ...played })
  for (const what of entries.flatMap(kindsOf)) round.seen[what] = (round.seen[what] ?? 0) + 1
  const again = `RACE_SEED=${seed} RACE_SCHEDULES=1, ${round.underTest.name} store`
  if (violations.length > 0) round.failure ??= `${again}\n${violations.join('\n')}\n${told(entries)}`
  if (round.emptyBy === 'clear') await ground.store.clear()
  else await sweepAll(ground)
}

async function sweepAll({ store, clock }: Ground): Promise<void> {
  clock.advance(2 * HOUR)
  for (let isDone = false; !isDone;) ({ isDone } = await store.sweep(1000))
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
