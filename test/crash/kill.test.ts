/**
 * The example application is killed with SIGKILL again and again, at random moments while visitors sign in and out,
 * count and fill carts in it, and started again on the same data each time. All rounds use the real application, as a
 * process of its own on the built package: passwords cost nothing there (see readers.ts), so nothing has to be left
 * out. After each start the pages must show what was acknowledged before the kill; a request whose answer never came
 * may have happened as a whole, up to any of its writes, or not at all.
 *
 * `KILLS=1000 SEED=1 npm run test:unit -- test/crash` kills more often, and repeats the choices of a run.
 */
import { randomInt } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { StoreName } from './application.ts'
import type { CampaignOptions, Report } from './campaign.ts'
import { campaign } from './campaign.ts'
import type { FindingKind } from './ledger.ts'

const KILLS = Number(process.env['KILLS'] ?? 200)
const KILLS_EACH = Math.ceil(KILLS / 2)
const SEED = Number(process.env['SEED'] ?? randomInt(2 ** 31))
/** Generous, because the machine may be busy; a start that needs a hand never succeeds. */
const TIMEOUT_MS = 60_000 + KILLS * 5_000

const stores: readonly StoreName[] = ['sqlite', 'file']

describe.each(stores)('the application on the %s store', (store) => {
  it(
    `STORE-7 RACE-5 VULN-5: killed at ${KILLS_EACH} random moments it loses, halves and revives nothing, and starts at once`,
    { timeout: TIMEOUT_MS },
    async ({ signal }) => {
      const kills = KILLS_EACH
      console.log(`${store}: ${kills} kills, SEED=${SEED}`)
      const report = await play({ store, kills, seed: SEED, signal, isEnough: ({ length }) => length > 20 })
      console.log(summaryOf(store, report))
      expect(report.findings.slice(0, 20)).toEqual([])
      expect(report.kills).toBe(kills)
      for (const deed of ['sign-in', 'sign-out', 'count', 'add to cart', 'sign-out of others', 'destroy']) {
        expect(report.acknowledged.get(deed) ?? 0, deed).toBeGreaterThanOrEqual(Math.ceil(kills / 100))
      }
      // Otherwise the kills came between requests, and showed little.
      expect(report.doubted).toBeGreaterThan(kills)
    },
  )
})

describe.each(stores)('a store that answers before it writes, in front of the %s store', (store) => {
  const expected: readonly FindingKind[] = ['sign-in lost', 'revived', 'count lost', 'cart lost']

  it(
    'is found out: lost sign-ins, counts and cart lines, and sessions that live again',
    { timeout: 200_000 },
    async ({ signal }) => {
      const report = await play({
        store,
        signal,
        kills: 60,
        seed: SEED,
        preload: new URL('hasty/register.ts', import.meta.url),
        isEnough: (findings) => expected.every((wanted) => findings.some(({ kind }) => kind === wanted)),
      })
      console.log(summaryOf(`hasty ${store}`, report))
      expect(report.findings.map(({ kind }) => kind)).toEqual(expect.arrayContaining([...expected]))
    },
  )
})

/** A test that runs out of time waits until nothing of its campaign is left. */
async function play(options: CampaignOptions): Promise<Report> {
  const running = campaign(options)
  onTestFinished(async () => void (await Promise.allSettled([running])))
  return running
}

function summaryOf(
  name: string,
  { kills, findings, acknowledged, doubted, startTimes, live, cookies }: Report,
): string {
  const deeds = [...acknowledged].map(([deed, times]) => `${times} ${deed}`).join(', ')
  const median = Math.round(startTimes[startTimes.length >> 1] ?? 0)
  return [
    `${name}: ${kills} kills, ${findings.length} findings`,
    `  acknowledged: ${deeds}; under way at a kill: ${doubted}`,
    `  ${cookies} cookies given out, ${live} sessions alive at the end`,
    `  from start to first page: ${median} ms median, ${Math.round(startTimes.at(-1) ?? 0)} ms at most`,
  ].join('\n')
}
