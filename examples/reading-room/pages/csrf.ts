import type { Request, RequestHandler } from 'express'
import { csrf } from 'sojourn/csrf'
import type { Room } from '../room.ts'
import { Html } from '../views/html.ts'

const guard = csrf()

/** The hidden field, the only one of this application, that shows that a form is one of its own. */
export function formToken(room: Room, req: Request): Html {
  return new Html(guard.field(room.sessionOf(req)))
}

/** Refuses every change that one of this application's own forms did not ask for. */
export function checkForms(room: Room): RequestHandler {
  return (req, _res, next) => {
    guard.verify(room.sessionOf(req))
    next()
  }
}
