import type { Response } from 'express'
import { LOST, pageOf, type Visit } from './visit.ts'

/** The page of a session, or 409 when there is none. */
export function answer(res: Response, visit: Visit | undefined): void {
  if (visit === undefined) res.status(409).send(LOST)
  else res.send(pageOf(visit))
}
