import { createSessions } from 'sojourn'
import type { Sessions, SessionsOptions } from 'sojourn'
import { onTestFinished } from 'vitest'
import type { Client } from './client.ts'
import { createClient } from './client.ts'
import type { Running, Visit } from './driver.ts'
import type { WatchedStore } from './watched-store.ts'
import { watchedStore } from './watched-store.ts'

/** A server for one test, closed when the test ends. */
export interface Stage {
  readonly sessions: Sessions<Visit>
  readonly watched: WatchedStore
  readonly running: Running
  readonly connect: () => Client
}

export async function stage(
  start: (sessions: Sessions<Visit>) => Promise<Running>,
  options: Omit<SessionsOptions<Visit>, 'store'> = {},
): Promise<Stage> {
  const watched = watchedStore()
  const sessions = createSessions<Visit>({ store: watched.store, initial: () => ({}), ...options })
  const running = await start(sessions)
  const clients: Client[] = []
  onTestFinished(async () => {
    for (const client of clients) client.close()
    await running.close()
    await sessions.close()
  })
  return {
    sessions,
    watched,
    running,
    connect: () => {
      const client = createClient(running.endpoint)
      clients.push(client)
      return client
    },
  }
}
