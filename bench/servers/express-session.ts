import { join } from 'node:path'
import express, { type Request } from 'express'
import session from 'express-session'
import { answer } from './express-answer.ts'
import { LISTEN, listening, type Place, type Serve } from './serve.ts'
import { ANONYMOUS_PAGE, SECRET, userOf, visitOf, type Visit } from './visit.ts'

declare module 'express-session' {
  interface SessionData {
    visit: Visit
  }
}

export const serve: Serve = async (place) => {
  const app = express()
  const store = await storeAt(place)
  // The two settings that its documentation asks for, and without which every visit is stored.
  app.use(session({ secret: SECRET, resave: false, saveUninitialized: false, ...(store && { store }) }))
  app.get('/anonymous', (_req, res) => {
    res.send(ANONYMOUS_PAGE)
  })
  app.get('/start', (req, res) => answer(res, (req.session.visit = visitOf(Number(req.query['slot'])))))
  app.get('/read', (req, res) => answer(res, req.session.visit))
  app.get('/write', (req, res) => {
    const { visit } = req.session
    if (visit !== undefined) visit.visits += 1
    answer(res, visit)
  })
  app.get('/login', async (req, res) => answer(res, await login(req)))
  return listening(app.listen(LISTEN.port, LISTEN.host))
}

/** With a new ID, as its documentation advises. */
function login(req: Request): Promise<Visit | undefined> {
  const { visit } = req.session
  if (visit === undefined) return Promise.resolve(undefined)
  return new Promise((resolve, reject) => {
    req.session.regenerate((error: unknown) => {
      if (error instanceof Error) return reject(error)
      resolve((req.session.visit = { ...visit, user: userOf(visit) }))
    })
  })
}

/** Undefined is its own memory store. */
async function storeAt({ store, url, folder }: Place): Promise<session.Store | undefined> {
  switch (store) {
    case 'memory':
      return undefined
    case 'memorystore': {
      const { default: create } = await import('memorystore')
      const MemoryStore = create(session)
      return new MemoryStore({ checkPeriod: 86_400_000 })
    }
    case 'file': {
      const { default: create } = await import('session-file-store')
      const FileStore = create(session)
      return new FileStore({ path: join(folder, 'sessions'), logFn: () => undefined })
    }
    case 'sqlite': {
      const [{ default: create }, { default: Database }] = await Promise.all([
        import('better-sqlite3-session-store'),
        import('better-sqlite3'),
      ])
      const client = new Database(join(folder, 'sessions.db'))
      // What the documentation of better-sqlite3 asks for, and what Sojourn uses.
      client.pragma('journal_mode = WAL')
      const SqliteStore = create(session)
      return new SqliteStore({ client })
    }
    case 'redis': {
      const [{ RedisStore }, { redisClient }] = await Promise.all([
        import('connect-redis'),
        import('./redis-client.ts'),
      ])
      return new RedisStore({ client: await redisClient(url) })
    }
    case 'postgres': {
      const [{ default: create }, { default: pg }] = await Promise.all([import('connect-pg-simple'), import('pg')])
      const PgStore = create(session)
      return new PgStore({ pool: new pg.Pool({ connectionString: url }), createTableIfMissing: true })
    }
    case 'mysql': {
      const { default: create } = await import('express-mysql-session')
      const MySQLStore = create(session)
      const { hostname, port, username, pathname } = new URL(url)
      const mysql = new MySQLStore({
        host: hostname,
        port: Number(port),
        user: username,
        database: pathname.slice(1),
      })
      await mysql.onReady()
      return mysql
    }
    default:
      throw new Error(`express-session: no store ${store}`)
  }
}
