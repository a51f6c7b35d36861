import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Express, RequestHandler } from 'express'
import express from 'express'
import { expressSessions } from 'sojourn/express'
import { openDatabase } from './database/database.ts'
import { articlePages } from './pages/articles.ts'
import { cartPages } from './pages/cart.ts'
import { checkoutPages } from './pages/checkout.ts'
import { counterPages } from './pages/counter.ts'
import { checkForms } from './pages/csrf.ts'
import { devicePages } from './pages/devices.ts'
import { errorPages, showNotFound } from './pages/errors.ts'
import { homePages } from './pages/home.ts'
import { orderPages } from './pages/orders.ts'
import { shopPages } from './pages/shop.ts'
import { signInPages } from './pages/sign-in.ts'
import type { Room } from './room.ts'
import { openSessions } from './sessions.ts'
import type { Settings } from './settings.ts'
import { openStore } from './stores/store.ts'

/** The application, without a server around it. */
export interface ReadingRoom {
  readonly app: Express
  /** Closes the databases and ends all connections to them; call it when no request is under way any more. */
  close(): Promise<void>
}

/** @throws Error with a message for the person who started the application. */
export async function createApp(settings: Settings): Promise<ReadingRoom> {
  mkdirSync(settings.dataFolder, { recursive: true })
  const db = openDatabase(join(settings.dataFolder, 'reading-room.db'))
  const { store, disconnect } = await openStore(settings)
  const sessions = openSessions(store, settings)
  const withSession = expressSessions(sessions)
  const room: Room = { db, sessions, sessionOf: (req) => withSession.of(req) }

  const app = express()
  app.disable('x-powered-by')
  // In production one proxy stands before the application, ends https and says so.
  app.set('trust proxy', settings.isProduction ? 1 : false)
  app.use(securityHeaders)
  if (settings.isProduction) app.use(onlyHttps)
  // Before the sessions: a stylesheet is the same for everyone, and may be cached.
  app.use(express.static(fileURLToPath(new URL('public', import.meta.url)), { maxAge: '1h' }))
  app.use(express.urlencoded({ extended: false, limit: '64kb', parameterLimit: 50 }))
  app.use(withSession)
  app.use(checkForms(room))

  app.use(homePages(room), articlePages(room), shopPages(room), cartPages(room), checkoutPages(room))
  app.use(orderPages(room), signInPages(room), devicePages(room), counterPages(room))

  app.use((req, res) => showNotFound(room, req, res))
  app.use(errorPages)

  return {
    app,
    async close() {
      await sessions.close()
      await disconnect()
      db.close()
    },
  }
}

/** A browser that has been here comes by https only, for a year. Not in development: it would hold for all of 127.0.0.1. */
const onlyHttps: RequestHandler = (_req, res, next) => {
  res.set('Strict-Transport-Security', 'max-age=31536000')
  next()
}

/** The pages need no script, no frame and nothing from elsewhere; so the browser is told to allow none of it. */
const securityHeaders: RequestHandler = (_req, res, next) => {
  res.set({
    'Content-Security-Policy':
      "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
  })
  next()
}
