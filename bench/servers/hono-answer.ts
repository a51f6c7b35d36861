import type { Context } from 'hono'
import { LOST, pageOf, type Visit } from './visit.ts'

/** The page of a session, or 409 when there is none. */
export function answer(c: Context, visit: Visit | undefined): Response {
  return visit === undefined ? c.text(LOST, 409) : c.text(pageOf(visit))
}
