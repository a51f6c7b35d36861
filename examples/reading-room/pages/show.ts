import type { Request, Response } from 'express'
import { userOf } from '../database/users.ts'
import type { Room } from '../room.ts'
import type { Page } from '../views/layout.ts'
import { layout } from '../views/layout.ts'
import { panel } from '../views/panel.ts'
import { formToken } from './csrf.ts'
import { withNext } from './paths.ts'

/** Sends a page with everything around it: who is signed in, the cart, messages and the panel at the foot. */
export async function show(room: Room, req: Request, res: Response, page: Page): Promise<void> {
  const session = room.sessionOf(req)
  const viewer = userOf(room.db, session.subject)
  const flashes = await session.flashes()
  const token = viewer && formToken(room, req)
  // The session saves itself when the response leaves. Here it does so a moment earlier, for the panel to count it.
  await session.save()
  const document = layout(page, {
    viewer,
    // `get`, because a page may still be shown after destroy(), when the session holds nothing at all.
    cartSize: Object.values(session.get('cart', {})).reduce((sum, quantity) => sum + quantity, 0),
    flashes,
    signInPath: signInPath(req),
    formToken: token,
    panel: panel(session, room.sessions.policy()),
  })
  res
    .status(page.status ?? 200)
    .type('html')
    .send(document.toString())
}

/** Sends a page that knows nothing of the visitor, for when the session cannot be read. */
export function showPlain(res: Response, page: Page): void {
  const frame = {
    viewer: undefined,
    cartSize: 0,
    flashes: [],
    signInPath: '/sign-in',
    formToken: undefined,
    panel: undefined,
  }
  res
    .status(page.status ?? 200)
    .type('html')
    .send(layout(page, frame).toString())
}

function signInPath(req: Request): string {
  const isComeback = req.method === 'GET' && !req.path.startsWith('/sign-')
  return isComeback ? withNext('/sign-in', req.originalUrl) : '/sign-in'
}
