import type { TestContext } from 'vitest'
import { onTestFinished } from 'vitest'
import type { RunningServer } from '../../reading-room/support/server.ts'
import { startServer, temporaryFolder } from '../../reading-room/support/server.ts'
import type { RoundRobin } from './round-robin.ts'
import { roundRobin } from './round-robin.ts'
import type { SessionServer } from './session-stores.ts'

/** Two processes of the example application behind one port. */
export interface Pair extends RoundRobin {
  readonly processes: readonly RunningServer[]
}

export async function startPair(context: TestContext, { addressFor }: SessionServer): Promise<Pair> {
  const store = await addressFor(context)
  const folder = temporaryFolder()
  onTestFinished(() => folder.remove())
  const processes = await Promise.all([0, 1].map(() => startServer({ dataFolder: folder.path, store })))
  onTestFinished(async () => void (await Promise.all(processes.map((process) => process.stop()))))
  return { processes, ...(await roundRobin(processes.map(({ port }) => port))) }
}
