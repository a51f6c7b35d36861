import { join } from 'node:path'
import type { Sessions, Store } from 'sojourn'
import { createSessions } from 'sojourn'
import type { Place } from './serve.ts'
import type { Visit } from './visit.ts'
import { userOf } from './visit.ts'

/** What a visit's session holds before anything was put into it. */
export type Data = Partial<Visit>

/** Sojourn with its default settings. */
export async function sojournSessions(place: Place): Promise<Sessions<Data>> {
  return createSessions<Data>({ store: await storeAt(place) })
}

/** A store of the package, ready for use. */
export async function storeAt({ store, url, folder }: Place): Promise<Store> {
  switch (store) {
    case 'memory': {
      const { memoryStore } = await import('sojourn/stores/memory')
      return memoryStore({ allowInProduction: true })
    }
    case 'file': {
      const { fileStore } = await import('sojourn/stores/file')
      return fileStore({ directory: folder })
    }
    case 'sqlite': {
      const { sqliteStore } = await import('sojourn/stores/sqlite')
      return sqliteStore({ path: join(folder, 'sessions.db') })
    }
    case 'redis': {
      const [{ redisStore }, { redisClient }] = await Promise.all([
        import('sojourn/stores/redis'),
        import('./redis-client.ts'),
      ])
      return redisStore({ client: await redisClient(url) })
    }
    case 'postgres': {
      const [{ postgresStore }, { default: pg }] = await Promise.all([import('sojourn/stores/postgres'), import('pg')])
      const postgres = postgresStore({ client: new pg.Pool({ connectionString: url }) })
      await postgres.setup()
      return postgres
    }
    case 'mysql': {
      const [{ mysqlStore }, { createPool }] = await Promise.all([import('sojourn/stores/mysql'), import('mysql2')])
      const mysql = mysqlStore({ client: createPool(url) })
      await mysql.setup()
      return mysql
    }
    default:
      throw new Error(`sojourn: no store ${store}`)
  }
}

type Session = Awaited<ReturnType<Sessions<Data>['open']>>

/** The pages' work on a session, the same on every framework. */
export const actions = {
  start(session: Session, visit: Visit): Visit {
    return Object.assign(session.data, visit)
  },
  read: (session: Session): Visit | undefined => found(session),
  write(session: Session): Visit | undefined {
    const visit = found(session)
    if (visit !== undefined) visit.visits += 1
    return visit
  },
  async login(session: Session): Promise<Visit | undefined> {
    const visit = found(session)
    if (visit !== undefined) await session.login(userOf(visit), { keep: 'all' })
    return found(session)
  },
}

function found({ data }: Session): Visit | undefined {
  return data.slot === undefined ? undefined : (data as Visit)
}
