import type { ErrorRequestHandler, Request, Response } from 'express'
import { isSessionError } from 'sojourn'
import type { Room } from '../room.ts'
import type { Html } from '../views/html.ts'
import { html } from '../views/html.ts'
import type { Page } from '../views/layout.ts'
import { show, showPlain } from './show.ts'

export function showNotFound(room: Room, req: Request, res: Response): Promise<void> {
  return show(room, req, res, message(404, 'Not on our shelves', 'There is no page at this address.'))
}

export function showForbidden(room: Room, req: Request, res: Response, reason: string): Promise<void> {
  return show(room, req, res, message(403, 'Not yours to open', reason))
}

export function showTooMany(room: Room, req: Request, res: Response): Promise<void> {
  const text = 'There were too many wrong passwords in a row. Please wait a quarter of an hour, then try again.'
  return show(room, req, res, message(429, 'One moment, please', text))
}

/** Turns whatever went wrong into a page. It never touches the session: the session may be what went wrong. */
export const errorPages: ErrorRequestHandler = (error, _req, res, next) => {
  if (res.headersSent) return next(error)
  const page = pageFor(error)
  if (page.status === undefined || page.status >= 500) console.error(error)
  if (page.status === 503) res.set('Retry-After', '5')
  showPlain(res, page)
}

function pageFor(error: unknown): Page {
  if (isSessionError(error)) {
    switch (error.code) {
      case 'store-unavailable':
      case 'store-timeout':
      case 'conflict':
      case 'closed':
        return message(
          503,
          'The cloakroom is closed for a moment',
          'Your session cannot be read or saved right now. Nothing of it is lost, and you are still signed in: please try again shortly.',
        )
      case 'csrf':
        return message(
          403,
          'This form has grown too old',
          'It was made before you signed in or out, or it does not come from this site. Go back, load the page again and send it once more.',
        )
      case 'ambiguous':
        return message(
          409,
          'Please try that again',
          'Your browser showed two sessions for this site, and nothing was changed. What was old has been taken away.',
        )
      case 'gone':
      case 'superseded':
        return message(
          409,
          'Your session ended meanwhile',
          'It was ended elsewhere while this request was on its way; nothing was changed.',
          html`<a class="button" href="/sign-in">Sign in</a>`,
        )
      default:
    }
  }
  if (statusOf(error) === 413) return message(413, 'Too long', 'What you sent is more than this page can take.')
  if (statusOf(error) === 400) return message(400, 'Not understood', 'Your browser sent something that cannot be read.')
  return message(500, 'Something broke', 'The fault is on our side. It has been written down.')
}

function message(status: number, title: string, text: string, action?: Html): Page {
  return {
    status,
    title,
    main: html`<div class="sheet error">
      <p class="numeral" aria-hidden="true">${status}</p>
      <h1>${title}</h1>
      <p class="lead">${text}</p>
      <p class="actions">${action ?? html`<a class="button" href="/">To the front page</a>`}</p>
    </div>`,
  }
}

/** The status that Express and its body parser give their own errors. */
function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('status' in error)) return undefined
  return typeof error.status === 'number' ? error.status : undefined
}
