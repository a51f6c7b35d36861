import type { TestContext } from 'vitest'
import { ownMariadbDatabase, ownPostgresDatabase, sharedServer } from './shared.ts'

/** A server that the example application can keep its sessions on. */
export interface SessionServer {
  readonly name: string
  /** A value for `SESSION_STORE`, of this test alone but on Redis, where sessions of several tests do not mind each other. */
  readonly addressFor: (context: TestContext) => Promise<string>
}

export const sessionServers: readonly SessionServer[] = [
  { name: 'PostgreSQL', addressFor: ownPostgresDatabase },
  { name: 'MariaDB', addressFor: ownMariadbDatabase },
  { name: 'Redis', addressFor: async (context) => sharedServer(context, 'redis') },
]
