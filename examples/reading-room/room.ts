import type { Request } from 'express'
import type { Sessions } from 'sojourn'
import type { Database } from './database/database.ts'
import type { Visit, VisitSession } from './sessions.ts'

/** What every page works with. */
export interface Room {
  readonly db: Database
  readonly sessions: Sessions<Visit>
  /** The session of a request, typed. */
  readonly sessionOf: (req: Request) => VisitSession
}
