import type { Request, RequestHandler } from 'express'
import type { RequestFacts } from 'sojourn'
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
    if (req.method !== 'GET' && req.method !== 'HEAD') guard.verify(room.sessionOf(req), factsOf(req))
    next()
  }
}

function factsOf(req: Request): RequestFacts {
  const form: unknown = req.body
  return {
    method: req.method,
    url: req.originalUrl,
    secure: req.secure,
    header: (name) => req.get(name),
    field: (name) => fieldOf(form, name),
  }
}

function fieldOf(form: unknown, name: string): string | undefined {
  if (typeof form !== 'object' || form === null || !Object.hasOwn(form, name)) return undefined
  const value: unknown = Reflect.get(form, name)
  return typeof value === 'string' ? value : undefined
}
