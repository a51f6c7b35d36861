import { join } from 'node:path'
import type { Store } from 'sojourn'
import { fileStore } from 'sojourn/stores/file'
import { sqliteStore } from 'sojourn/stores/sqlite'
import type { Settings } from '../settings.ts'
import { openMysql } from './mysql.ts'
import { openPostgres } from './postgres.ts'
import { openRedis } from './redis.ts'

/** A store that is ready for use. */
export interface OpenStore {
  readonly store: Store
  /** Ends the connections below the store; call it after the sessions are closed. */
  readonly disconnect: () => Promise<unknown>
}

/**
 * Opens the store that the settings name.
 * @throws Error with a message for the person who started the application.
 */
export async function openStore({ store, dataFolder }: Settings): Promise<OpenStore> {
  switch (store.kind) {
    case 'sqlite':
      return embedded(sqliteStore({ path: join(dataFolder, 'sessions.db') }))
    case 'file':
      return embedded(fileStore({ directory: join(dataFolder, 'sessions') }))
    case 'postgres':
      return openPostgres(store.url)
    case 'mysql':
      return openMysql(store.url)
    case 'redis':
      return openRedis(store.url)
  }
}

function embedded(store: Store): OpenStore {
  return { store, disconnect: () => Promise.resolve() }
}
