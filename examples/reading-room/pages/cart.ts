import type { Request, Response } from 'express'
import { Router } from 'express'
import type { Line } from '../database/orders.ts'
import { totalOf } from '../database/orders.ts'
import { productWith } from '../database/products.ts'
import type { Room } from '../room.ts'
import { cover } from '../views/covers.ts'
import { money } from '../views/format.ts'
import type { Html } from '../views/html.ts'
import { html } from '../views/html.ts'
import { formToken } from './csrf.ts'
import { showNotFound } from './errors.ts'
import { countIn } from './input.ts'
import { show } from './show.ts'

/** Of one product. */
const MOST = 20

/** The cart lives in the session alone. `update` changes it as one step, however many tabs do so at once. */
export function cartPages(room: Room): Router {
  const router = Router()
  router.get('/cart', (req, res) => showCart(room, req, res))

  router.post('/cart/add/:id', async (req, res) => {
    const product = productWith(room.db, req.params.id)
    if (product === undefined) return showNotFound(room, req, res)
    const session = room.sessionOf(req)
    const added = countIn(req, 'quantity', 1, MOST) ?? 1
    await session.update(({ cart }) => {
      cart[product.id] = Math.min(MOST, (cart[product.id] ?? 0) + added)
    })
    session.flash('good', `${product.title} is in your cart.`)
    res.redirect(303, '/cart')
  })

  router.post('/cart/lines/:id', async (req, res) => {
    const { id } = req.params
    const quantity = countIn(req, 'quantity', 0, MOST)
    if (quantity !== undefined) await room.sessionOf(req).update(({ cart }) => setQuantity(cart, id, quantity))
    res.redirect(303, '/cart')
  })

  router.post('/cart/lines/:id/remove', async (req, res) => {
    await room.sessionOf(req).update(({ cart }) => setQuantity(cart, req.params.id, 0))
    res.redirect(303, '/cart')
  })

  return router
}

function setQuantity(cart: Record<string, number>, id: string, quantity: number): void {
  // A line that another tab has removed stays removed.
  if (!Object.hasOwn(cart, id)) return
  if (quantity === 0) Reflect.deleteProperty(cart, id)
  else cart[id] = quantity
}

/** The cart with today's products and prices; what is no longer sold is left out. */
export function linesOf(room: Room, cart: Readonly<Record<string, number>>): readonly Line[] {
  return Object.entries(cart).flatMap(([id, quantity]) => {
    const product = productWith(room.db, id)
    return product === undefined ? [] : [{ product, quantity, price: product.price }]
  })
}

async function showCart(room: Room, req: Request, res: Response): Promise<void> {
  const lines = linesOf(room, room.sessionOf(req).data.cart)
  const main =
    lines.length === 0
      ? html`<div class="sheet">
          <h1>Your cart</h1>
          <p class="empty">There is nothing in it yet. <a href="/shop">Have a look around the shop.</a></p>
        </div>`
      : html`<div class="sheet">
          <h1>Your cart</h1>
          <ul class="lines">
            ${lines.map((line) => cartLine(line, formToken(room, req)))}
          </ul>
          <p class="total"><span>Total</span> <strong>${money(totalOf(lines))}</strong></p>
          <p class="actions">
            <a class="button" href="/checkout">Check out</a>
            <a href="/shop">Go on looking</a>
          </p>
        </div>`
  await show(room, req, res, { title: 'Your cart', section: 'cart', main })
}

function cartLine({ product, quantity, price }: Line, token: Html): Html {
  return html`<li class="line">
    <a class="line-cover" href="/shop/${product.id}" tabindex="-1" aria-hidden="true">${cover(product)}</a>
    <div class="line-what">
      <h2><a href="/shop/${product.id}">${product.title}</a></h2>
      <p class="soft">${product.maker} · ${money(price)}</p>
    </div>
    <div class="line-changes">
      <form method="post" action="/cart/lines/${product.id}">
        ${token}
        <label class="unseen" for="quantity-${product.id}">Quantity of ${product.title}</label>
        <input
          id="quantity-${product.id}"
          name="quantity"
          type="number"
          inputmode="numeric"
          min="0"
          max="${MOST}"
          value="${quantity}"
          required
        />
        <button class="button button-quiet">Update<span class="unseen"> ${product.title}</span></button>
      </form>
      <form method="post" action="/cart/lines/${product.id}/remove">
        ${token}
        <button class="plain">Remove<span class="unseen"> ${product.title}</span></button>
      </form>
    </div>
    <p class="line-price">${money(price * quantity)}</p>
  </li>`
}

/** The lines as plain text and sums, for the pages where they can no longer be changed. */
export function lineTable(lines: readonly Line[]): Html {
  return html`<table class="sums">
    <caption class="unseen">
      What is ordered
    </caption>
    <tbody>
      ${lines.map(
        ({ product, quantity, price }) =>
          html`<tr>
            <th scope="row">${quantity} × ${product.title} <span class="soft">${product.maker}</span></th>
            <td>${money(price * quantity)}</td>
          </tr>`,
      )}
    </tbody>
    <tfoot>
      <tr>
        <th scope="row">Total</th>
        <td>${money(totalOf(lines))}</td>
      </tr>
    </tfoot>
  </table>`
}
