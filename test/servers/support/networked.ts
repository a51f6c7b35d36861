import { readFileSync, readdirSync } from 'node:fs'
import mysql from 'mysql2'
import { createClient } from 'redis'
import type { TestContext } from 'vitest'
import { onTestFinished } from 'vitest'
import { startMariadb } from '../../../scripts/servers/mariadb.ts'
import { startPostgres } from '../../../scripts/servers/postgres.ts'
import { startRedis } from '../../../scripts/servers/redis.ts'
import type { Server, ServerOptions } from '../../../scripts/servers/server.ts'
import type { Clock } from '../../../src/core/clock.ts'
import type { ClosableStore, DurableStore, WatchableStore } from '../../../src/core/store.ts'
import { mysqlStore } from '../../../src/stores/mysql.ts'
import { postgresStore } from '../../../src/stores/postgres.ts'
import { redisStore } from '../../../src/stores/redis.ts'
import type { FullStore } from '../../support/stores.ts'
import { own } from './own.ts'
import { openPool } from './postgres-clients.ts'

export type NetworkedStore = FullStore & ClosableStore & DurableStore & WatchableStore

/** A kind of server with a store on it, for tests that hold for all of them. */
export interface Networked {
  readonly name: string
  /** The client keeps what it was asked while the server is away, and asks when it is back, also after the deadline. */
  readonly asksLater: boolean
  /** A server of this test alone. Of what it answers with the strong setting it loses nothing when it is killed. */
  readonly start: (context: TestContext) => Promise<Server>
  /** As another process of the application would; set up, and closed after the test. */
  readonly open: (server: Pick<Server, 'port'>, options?: { readonly now?: Clock }) => Promise<NetworkedStore>
}

const CONNECTIONS = 8

export const networked: readonly Networked[] = [
  {
    name: 'PostgreSQL',
    asksLater: false,
    // Commits that are not waited for: the store must ask for more where it matters.
    start: starting(startPostgres, { synchronous_commit: 'off', wal_writer_delay: '10s' }),
    async open({ port }, options) {
      const url = `postgres://postgres@127.0.0.1:${port}/postgres`
      const { client, close } = openPool(url, { max: CONNECTIONS })
      return finished(postgresStore({ client, ...options }), close)
    },
  },
  {
    name: 'MariaDB',
    asksLater: false,
    start: starting(startMariadb, { innodb_flush_log_at_trx_commit: '1' }),
    async open({ port }, options) {
      const uri = `mysql://root@127.0.0.1:${port}/test`
      const pool = mysql.createPool({ uri, connectionLimit: CONNECTIONS })
      return finished(
        mysqlStore({ client: pool, onWarning: () => undefined, watchInterval: '100ms', ...options }),
        () => pool.promise().end(),
      )
    },
  },
  {
    name: 'Redis',
    asksLater: true,
    start: starting(startRedis, { appendonly: 'yes', appendfsync: 'always' }),
    async open({ port }, options) {
      const socket = { host: '127.0.0.1', port, reconnectStrategy: 20 }
      const client = createClient({ socket })
      client.on('error', () => undefined)
      await client.connect()
      const store = redisStore({ client, persistence: 'always', onWarning: () => undefined, ...options })
      return finished(store, async () => client.destroy())
    },
  },
]

async function finished<S extends NetworkedStore & { setup(): Promise<unknown> }>(
  store: S,
  close: () => Promise<void>,
): Promise<S> {
  onTestFinished(async () => {
    await store.close()
    await close()
  })
  await store.setup()
  return store
}

function starting(start: (options: ServerOptions) => Promise<Server>, settings: ServerOptions['settings'] = {}) {
  return (context: TestContext): Promise<Server> => own(context, () => start({ settings }))
}

/** Lets the server and all its processes stand still, its connections open, until the returned function is called. */
export function freeze({ pid }: Pick<Server, 'pid'>): () => void {
  const all = [pid, ...childrenOf(pid)]
  const signal = (name: NodeJS.Signals): void => {
    for (const each of all) process.kill(each, name)
  }
  signal('SIGSTOP')
  let isFrozen = true
  const thaw = (): void => {
    if (isFrozen) signal('SIGCONT')
    isFrozen = false
  }
  // Standing still, it could not be stopped.
  onTestFinished(thaw)
  return thaw
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
}
