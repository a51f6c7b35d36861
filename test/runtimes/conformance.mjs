import { lackingFor, storeCases } from 'sojourn/testing'

/**
 * @typedef {{ name: string, status: 'passed' | 'failed' | 'skipped', note?: string }} Result
 * @typedef {import('sojourn/testing').StoreHarness & { end?: () => Promise<void> }} Harness
 * @typedef {{ name: string, open: (now: () => number, advance: (milliseconds: number) => Promise<void>) => Promise<Harness> }} Subject
 */

/**
 * Runs every conformance case that applies to the store.
 * @param {Subject} subject
 * @param {(result: Result) => void} report
 */
export async function runStoreCases(subject, report) {
  for (const storeCase of storeCases) {
    let time = 1_700_000_000_000
    const harness = await subject.open(
      () => time,
      async (milliseconds) => {
        time += milliseconds
      },
    )
    if (lackingFor(storeCase, harness).length === 0) {
      await runCase(`${subject.name}: ${storeCase.name}`, () => storeCase.run(harness), report)
    }
    await harness.end?.()
  }
}

/**
 * @param {string} name
 * @param {() => Promise<void>} run
 * @param {(result: Result) => void} report
 */
export async function runCase(name, run, report) {
  try {
    await run()
    report({ name, status: 'passed' })
  } catch (error) {
    report({ name, status: 'failed', note: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
}

/**
 * The pair that a client sends back.
 * @param {Response} response
 */
export function cookieOf(response) {
  const [pair] = (response.headers.get('set-cookie') ?? '').split(';')
  if (pair === undefined || pair === '') throw new Error('the response sets no cookie')
  return pair
}

/**
 * @param {unknown} actual
 * @param {unknown} expected
 */
export function equal(actual, expected) {
  if (actual !== expected) throw new Error(`expected ${String(expected)}, got ${String(actual)}`)
}
