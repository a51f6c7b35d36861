import { expect, it } from 'vitest'
import type { StoreUnderTest } from '../../support/stores.ts'
import { storesUnderTest } from '../../support/stores.ts'
import { violationsOf } from './check/check.ts'
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

for (const underTest of storesUnderTest) {
  const count = Math.max(1, Math.round(SCHEDULES * (SHARES[underTest.name] ?? SHARE)))
  it(`${ROWS}: in ${count} random schedules nothing is lost, revived or shown to the wrong (${underTest.name} store)`, async () => {
    console.log(`${count} random schedules on the ${underTest.name} store from seed ${SEED}`)
    const { failure, counts } = await playMany(underTest, count)
    console.log(`${underTest.name}: ${JSON.stringify(counts)}`)
    expect(failure).toBeUndefined()
  }, 600_000)
}

interface Result {
  /** The first schedule in which something was wrong, with all that happened in it. */
  readonly failure: string | undefined
  readonly counts: { schedules: number; requests: number; calls: number; faults: number; milliseconds: number }
}

async function playMany({ name, make }: StoreUnderTest, count: number): Promise<Result> {
  const clock = scheduleClock()
  const { store, close } = await make(clock.now)
  const counts = { schedules: 0, requests: 0, calls: 0, faults: 0, milliseconds: 0 }
  const start = performance.now()
  try {
    for (let seed = SEED; seed < SEED + count; seed++) {
      const played = await play(seed, { store, clock })
      const violations = await violationsOf(played)
      const ofType = (type: string): number => played.entries.filter((entry) => entry.type === type).length
      counts.schedules++
      counts.requests += played.plan.requests.length
      counts.calls += ofType('call')
      counts.faults += ofType('fault')
      if (violations.length > 0) {
        const again = `RACE_SEED=${seed} RACE_SCHEDULES=1, ${name} store`
        return { failure: `${again}\n${violations.join('\n')}\n${told(played.entries)}`, counts }
      }
      await store.clear()
    }
    return { failure: undefined, counts }
  } finally {
    counts.milliseconds = Math.round(performance.now() - start)
    await close()
  }
}
