import type { TestContext } from 'vitest'
import { onTestFinished } from 'vitest'
import { MissingPartError } from '../../../scripts/servers/server.ts'

/** A server of this test alone, stopped when the test is over; without its part the test is skipped and says why. */
export async function own<T extends { stop(): Promise<void> }>(
  context: TestContext,
  start: () => Promise<T>,
): Promise<T> {
  try {
    const server = await start()
    onTestFinished(() => server.stop())
    return server
  } catch (error) {
    if (error instanceof MissingPartError) return context.skip(error.message)
    throw error
  }
}
