import type { Request, Response } from 'express'
import { Router } from 'express'
import type { Order } from '../database/orders.ts'
import { orderNumbered, ordersOf, totalOf } from '../database/orders.ts'
import type { User } from '../database/users.ts'
import type { Room } from '../room.ts'
import { moment, money, plural } from '../views/format.ts'
import { html } from '../views/html.ts'
import { lineTable } from './cart.ts'
import { showNotFound } from './errors.ts'
import { show } from './show.ts'
import { userFrom } from './sign-in.ts'

export function orderPages(room: Room): Router {
  const router = Router()
  router.get('/orders', (req, res) => showOrders(room, req, res))
  router.get('/orders/:number', (req, res) => showOrder(room, req, res))
  return router
}

async function showOrders(room: Room, req: Request, res: Response): Promise<void> {
  const user = userFrom(room, req, res)
  if (user === undefined) return
  const orders = visibleOrders(room, req, user)
  await show(room, req, res, {
    title: 'Your orders',
    main: html`<div class="sheet">
      <h1>Your orders</h1>
      ${orders.length === 0 && html`<p class="empty">You have not ordered anything yet.</p>`}
      <ul class="orders">
        ${orders.map(
          ({ number, placedAt, lines }) =>
            html`<li>
              <a href="/orders/${number}">${number}</a>
              <span class="soft">${moment(placedAt)} · ${plural(lines.length, 'title')}</span>
              <strong>${money(totalOf(lines))}</strong>
            </li>`,
        )}
      </ul>
    </div>`,
  })
}

/** The user's orders, and those that the same visitor placed before signing in. */
function visibleOrders(room: Room, req: Request, user: User): readonly Order[] {
  const own = ordersOf(room.db, user.id)
  const asGuest = room
    .sessionOf(req)
    .data.placed.filter((number) => own.every((order) => order.number !== number))
    .flatMap((number) => orderNumbered(room.db, number) ?? [])
  return [...own, ...asGuest].toSorted((a, b) => b.placedAt - a.placedAt)
}

/** An order is shown to the user who placed it, and to the session in which a guest placed it. */
async function showOrder(room: Room, req: Request<{ number: string }>, res: Response): Promise<void> {
  const { subject, data } = room.sessionOf(req)
  const order = orderNumbered(room.db, req.params.number)
  const isOwn = order?.userId !== undefined && String(order.userId) === subject
  if (order === undefined || !(isOwn || data.placed.includes(order.number))) return showNotFound(room, req, res)
  await show(room, req, res, {
    title: `Order ${order.number}`,
    main: html`<div class="sheet">
      <p class="topic">Order ${order.number}</p>
      <h1>Thank you. It is on its way.</h1>
      <p class="soft">Placed ${moment(order.placedAt)}</p>
      ${lineTable(order.lines)}
      <dl class="summary">
        <div>
          <dt>Send to</dt>
          <dd><address>${order.address.map((line) => html`${line}<br />`)}</address></dd>
        </div>
        ${
          order.gift !== '' &&
          html`<div>
            <dt>Gift message</dt>
            <dd><p class="gift-message">${order.gift}</p></dd>
          </div>`
        }
        <div>
          <dt>Paid with</dt>
          <dd>${order.paidWith}</dd>
        </div>
      </dl>
      <p class="actions"><a class="button button-quiet" href="/shop">Back to the shop</a></p>
    </div>`,
  })
}
