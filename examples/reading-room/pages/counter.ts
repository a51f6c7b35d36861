import type { Request, Response } from 'express'
import { Router } from 'express'
import type { Room } from '../room.ts'
import { html } from '../views/html.ts'
import { formToken } from './csrf.ts'
import { show } from './show.ts'

/** The counter of web.py's example. It is exact even when one visitor's requests overlap. */
export function counterPages(room: Room): Router {
  const router = Router()
  router.get('/count', (req, res) => showCount(room, req, res))
  router.post('/reset', (req, res) => reset(room, req, res))
  return router
}

async function showCount(room: Room, req: Request, res: Response): Promise<void> {
  const count = await room.sessionOf(req).increment('count')
  await show(room, req, res, {
    title: 'Counter',
    section: 'counter',
    main: html`<div class="sheet counter">
      <h1>You have been here <output class="numeral">${count}</output> ${count === 1 ? 'time' : 'times'}</h1>
      <p class="lead">
        Each look at this page adds one, in as many tabs as you like and all at once: none is counted twice, none is
        lost.
      </p>
      <div class="actions">
        <a class="button" href="/count">Count again</a>
        <form method="post" action="/reset">
          ${formToken(room, req)}<button class="button button-quiet">Reset</button>
        </form>
      </div>
    </div>`,
  })
}

async function reset(room: Room, req: Request, res: Response): Promise<void> {
  const session = room.sessionOf(req)
  const reached = session.get('count', 0)
  await session.destroy()
  await show(room, req, res, {
    title: 'Reset',
    section: 'counter',
    main: html`<div class="sheet counter">
      <h1>Your session is gone</h1>
      <p class="lead">
        The counter had reached ${reached}. The cart, the checkout and the sign-in went with it. The next page begins a
        new session.
      </p>
      <p class="actions"><a class="button" href="/count">Count from the beginning</a></p>
    </div>`,
  })
}
