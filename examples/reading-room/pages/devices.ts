import type { Request, Response } from 'express'
import { Router } from 'express'
import type { SessionSummary } from 'sojourn'
import type { Room } from '../room.ts'
import { ago, moment, plural } from '../views/format.ts'
import type { Html } from '../views/html.ts'
import { html } from '../views/html.ts'
import { formToken } from './csrf.ts'
import { show } from './show.ts'
import { userFrom } from './sign-in.ts'

/** The user's sessions: where they are signed in, and how to end it. */
export function devicePages(room: Room): Router {
  const router = Router()
  router.get('/devices', (req, res) => showDevices(room, req, res))

  router.post('/devices/others/sign-out', async (req, res) => {
    const user = userFrom(room, req, res)
    if (user === undefined) return
    const session = room.sessionOf(req)
    const ended = await room.sessions.forSubject(String(user.id)).endAll({ except: session })
    session.flash('good', ended === 0 ? 'There were no others.' : `${plural(ended, 'other device')} signed out.`)
    res.redirect(303, '/devices')
  })

  router.post('/devices/:handle/sign-out', async (req, res) => {
    const user = userFrom(room, req, res)
    if (user === undefined) return
    const isEnded = await room.sessions.forSubject(String(user.id)).end(req.params.handle)
    room.sessionOf(req).flash('good', isEnded ? 'The device is signed out.' : 'It was signed out already.')
    res.redirect(303, '/devices')
  })

  return router
}

async function showDevices(room: Room, req: Request, res: Response): Promise<void> {
  const user = userFrom(room, req, res)
  if (user === undefined) return
  const here = room.sessionOf(req).handle
  const devices = await room.sessions.forSubject(String(user.id)).list()
  const newestFirst = devices.toSorted(
    (a, b) => Number(b.handle === here) - Number(a.handle === here) || b.seenAt - a.seenAt,
  )
  await show(room, req, res, {
    title: 'Your devices',
    main: html`<div class="sheet">
      <h1>Your devices</h1>
      <p class="soft">Wherever you are signed in right now. Signing a device out takes effect with its next click.</p>
      <ul class="devices">
        ${newestFirst.map((device) => deviceCard(device, device.handle === here, formToken(room, req)))}
      </ul>
      ${
        devices.length > 1 &&
        html`<form method="post" action="/devices/others/sign-out">
          ${formToken(room, req)}
          <button class="button">Sign out all others</button>
        </form>`
      }
    </div>`,
  })
}

function deviceCard(device: SessionSummary, isHere: boolean, token: Html): Html {
  return html`<li class="device" ${isHere && html` aria-current="true"`}>
    <div>
      <h2>
        ${device.authentication?.label ?? 'Unknown device'} ${isHere && html`<span class="badge">this one</span>`}
      </h2>
      <p class="soft">
        Last seen ${ago(device.seenAt)}
        ${device.authentication !== undefined && html`<br />Signed in ${moment(device.authentication.at)}`}
      </p>
    </div>
    <form method="post" action="${isHere ? '/sign-out' : `/devices/${encodeURIComponent(device.handle)}/sign-out`}">
      ${token}
      <button class="button button-quiet">
        Sign out<span class="unseen"> ${device.authentication?.label ?? 'Unknown device'}</span>
      </button>
    </form>
  </li>`
}
