import { randomUUID } from 'node:crypto'
import type { Request, Response } from 'express'
import { Router } from 'express'
import type { Line } from '../database/orders.ts'
import { placeOrder, totalOf } from '../database/orders.ts'
import { userOf } from '../database/users.ts'
import type { Room } from '../room.ts'
import type { Address, Checkout, Visit } from '../sessions.ts'
import type { Problems } from '../views/forms.ts'
import { cardIn } from './card.ts'
import { linesOf } from './cart.ts'
import { showAddressForm, showConfirmation, showGiftForm, showPaymentForm } from './checkout-forms.ts'
import { lineIn, textIn } from './input.ts'

/**
 * The checkout in steps. What a step collects goes into the session; the next page is a plain redirect that carries
 * nothing. So one may go back, look elsewhere and sign in on the way, and everything is still there.
 */
export function checkoutPages(room: Room): Router {
  const router = Router()
  router.use('/checkout', (req, res, next) => {
    const { cart } = room.sessionOf(req).data
    if (req.method !== 'GET' || Object.keys(cart).length > 0) return next()
    res.redirect(303, '/cart')
  })
  router.get('/checkout', (req, res) => res.redirect(303, firstOpenStep(checkoutOf(room, req))))

  router.get('/checkout/address', (req, res) => showAddressForm(room, req, res, checkoutOf(room, req)?.address))
  router.post('/checkout/address', (req, res) => saveAddress(room, req, res))
  router.get('/checkout/gift', (req, res) => showGiftForm(room, req, res, checkoutOf(room, req)?.gift?.message))
  router.post('/checkout/gift', (req, res) => saveGift(room, req, res))
  router.get('/checkout/payment', (req, res) => showPaymentForm(room, req, res, checkoutOf(room, req)?.card))
  router.post('/checkout/payment', (req, res) => saveCard(room, req, res))
  router.get('/checkout/confirmation', (req, res) => confirm(room, req, res))
  router.post('/checkout/confirmation', (req, res) => order(room, req, res))
  return router
}

function checkoutOf(room: Room, req: Request): Checkout | undefined {
  return room.sessionOf(req).data.checkout
}

function firstOpenStep(checkout: Checkout | undefined): string {
  if (checkout?.address === undefined) return '/checkout/address'
  if (checkout.gift === undefined) return '/checkout/gift'
  if (checkout.card === undefined) return '/checkout/payment'
  return '/checkout/confirmation'
}

/** Adds to the checkout as one step, and begins it when this is its first. */
async function collect(room: Room, req: Request, step: Partial<Checkout>): Promise<void> {
  await room.sessionOf(req).update((data) => {
    data.checkout = { key: randomUUID(), ...data.checkout, ...step }
  })
}

async function saveAddress(room: Room, req: Request, res: Response): Promise<void> {
  const address = {
    name: lineIn(req, 'name', 80),
    street: lineIn(req, 'street', 120),
    postcode: lineIn(req, 'postcode', 20),
    city: lineIn(req, 'city', 80),
    country: lineIn(req, 'country', 60),
  }
  const problems: Problems = {
    ...(address.name === '' && { name: 'Who is to receive the parcel?' }),
    ...(address.street === '' && { street: 'Give street and number.' }),
    ...(address.postcode === '' && { postcode: 'The postcode is missing.' }),
    ...(address.city === '' && { city: 'The town is missing.' }),
    ...(address.country === '' && { country: 'The country is missing.' }),
  }
  if (Object.keys(problems).length > 0) return showAddressForm(room, req, res, address, problems)
  await collect(room, req, { address })
  res.redirect(303, '/checkout/gift')
}

async function saveGift(room: Room, req: Request, res: Response): Promise<void> {
  await collect(room, req, { gift: { message: textIn(req, 'message', 300) } })
  res.redirect(303, '/checkout/payment')
}

async function saveCard(room: Room, req: Request, res: Response): Promise<void> {
  const { card, problems } = cardIn(req)
  if (Object.keys(problems).length > 0) return showPaymentForm(room, req, res, undefined, problems)
  await collect(room, req, { card })
  res.redirect(303, '/checkout/confirmation')
}

async function confirm(room: Room, req: Request, res: Response): Promise<void> {
  const { cart, checkout } = room.sessionOf(req).data
  const { address, gift, card } = checkout ?? {}
  if (checkout === undefined || address === undefined || gift === undefined || card === undefined) {
    return res.redirect(303, firstOpenStep(checkout))
  }
  const lines = linesOf(room, cart)
  checkout.shownTotal = totalOf(lines)
  await showConfirmation(room, req, res, { address: addressLines(address), gift: gift.message, card, lines })
}

/**
 * Places the order. The key of the checkout is unique in the orders table, so two presses of the button, even at the
 * same moment, are one order; and should the server die between the two writes, the next press finds that order.
 */
async function order(room: Room, req: Request, res: Response): Promise<void> {
  const session = room.sessionOf(req)
  const { cart, checkout, placed } = session.data
  const lines = linesOf(room, cart)
  const { key, address, gift, card } = checkout ?? {}
  if (key === undefined || address === undefined || gift === undefined || card === undefined || lines.length === 0) {
    // A late second press: the first one has made the order and emptied the cart.
    const last = placed.at(-1)
    return res.redirect(303, last === undefined ? '/cart' : `/orders/${last}`)
  }
  if (totalOf(lines) !== checkout?.shownTotal) {
    session.flash('bad', 'Your cart has changed since you looked at it. Please check it once more.')
    return res.redirect(303, '/checkout/confirmation')
  }
  const number = placeOrder(room.db, {
    checkoutKey: key,
    userId: userOf(room.db, session.subject)?.id,
    address: addressLines(address),
    gift: gift.message,
    paidWith: `${card.brand} ending in ${card.lastFour}`,
    lines,
  })
  await session.update((data) => finishCheckout(data, key, number, lines))
  res.redirect(303, `/orders/${number}`)
}

/** Takes exactly what was ordered out of the cart: another tab may have put something else in meanwhile. */
function finishCheckout(data: Visit, key: string, number: string, lines: readonly Line[]): void {
  if (data.checkout?.key !== key) return
  delete data.checkout
  data.placed.push(number)
  for (const { product, quantity } of lines) {
    const left = (data.cart[product.id] ?? 0) - quantity
    if (left > 0) data.cart[product.id] = left
    else Reflect.deleteProperty(data.cart, product.id)
  }
}

function addressLines(address: Address): readonly string[] {
  return [address.name, address.street, `${address.postcode} ${address.city}`, address.country]
}
