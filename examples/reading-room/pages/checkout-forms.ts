import type { Request, Response } from 'express'
import type { Line } from '../database/orders.ts'
import type { Room } from '../room.ts'
import type { Address } from '../sessions.ts'
import type { Field, Problems } from '../views/forms.ts'
import { field, problemList } from '../views/forms.ts'
import type { Html } from '../views/html.ts'
import { html } from '../views/html.ts'
import type { KeptCard } from './card.ts'
import { lineTable } from './cart.ts'
import { formToken } from './csrf.ts'
import { show } from './show.ts'

const steps = [
  { name: 'address', label: 'Address' },
  { name: 'gift', label: 'Gift message' },
  { name: 'payment', label: 'Payment' },
  { name: 'confirmation', label: 'Confirmation' },
] as const

type Step = (typeof steps)[number]['name']

export async function showAddressForm(
  room: Room,
  req: Request,
  res: Response,
  address: Partial<Address> = {},
  problems: Problems = {},
): Promise<void> {
  const part = (name: keyof Address, label: string, autocomplete: string): Html =>
    field({ name, label, autocomplete, value: address[name] ?? '', maxlength: 120 }, problems)
  const fields = html`${part('name', 'Name', 'shipping name')}
    ${part('street', 'Street and number', 'shipping street-address')}
    <div class="field-pair">
      ${part('postcode', 'Postcode', 'shipping postal-code')} ${part('city', 'Town', 'shipping address-level2')}
    </div>
    ${part('country', 'Country', 'shipping country-name')}`
  await showStep(room, req, res, 'address', { heading: 'Where shall we send it?', fields, problems })
}

export async function showGiftForm(room: Room, req: Request, res: Response, message = ''): Promise<void> {
  const gift: Field = {
    name: 'message',
    label: 'Message on the card',
    hint: 'We write it by hand. Leave it empty if the parcel is for yourself.',
    value: message,
    maxlength: 300,
    rows: 5,
    isOptional: true,
  }
  await showStep(room, req, res, 'gift', { heading: 'Is it a gift?', fields: field(gift) })
}

const cardNumber: Field = {
  name: 'number',
  label: 'Card number',
  hint: 'Do not use a real one. 4242 4242 4242 4242 will do.',
  autocomplete: 'cc-number',
  inputmode: 'numeric',
  maxlength: 30,
}
const validUntil: Field = {
  name: 'expires',
  label: 'Valid until',
  hint: 'Month/year',
  autocomplete: 'cc-exp',
  maxlength: 7,
}
const securityCode: Field = {
  name: 'code',
  label: 'Security code',
  hint: 'Three digits',
  autocomplete: 'cc-csc',
  inputmode: 'numeric',
  maxlength: 4,
}

/** The card fields are always empty: what was typed into them is not kept anywhere. */
export async function showPaymentForm(
  room: Room,
  req: Request,
  res: Response,
  card: KeptCard | undefined,
  problems: Problems = {},
): Promise<void> {
  const fields = html`${
      card !== undefined &&
      html`<p class="notice">
        You pay with your ${card.brand} ending in ${card.lastFour}.
        <a href="/checkout/confirmation">Go on with this card</a>, or give another one here.
      </p>`
    }
    ${field(cardNumber, problems)}
    <div class="field-pair">${field(validUntil, problems)} ${field(securityCode, problems)}</div>
    <p class="soft">Only the last four digits are kept.</p>`
  await showStep(room, req, res, 'payment', { heading: 'How will you pay?', fields, problems })
}

interface StepForm {
  readonly heading: string
  readonly fields: Html
  readonly problems?: Problems
}

async function showStep(room: Room, req: Request, res: Response, step: Step, form: StepForm): Promise<void> {
  const { heading, fields, problems = {} } = form
  const before = steps[steps.findIndex(({ name }) => name === step) - 1]
  await show(room, req, res, {
    title: heading,
    section: 'cart',
    status: Object.keys(problems).length > 0 ? 422 : 200,
    main: html`<div class="sheet">
      ${progress(step)}
      <h1>${heading}</h1>
      ${problemList(problems)}
      <form class="form" method="post" action="/checkout/${step}" novalidate>
        ${formToken(room, req)} ${fields}
        <p class="actions">
          <button class="button">Continue</button>
          <a href="${before === undefined ? '/cart' : `/checkout/${before.name}`}">Back</a>
        </p>
      </form>
    </div>`,
  })
}

/** Everything that has been collected. */
export interface Summary {
  readonly address: readonly string[]
  readonly gift: string
  readonly card: KeptCard
  readonly lines: readonly Line[]
}

export async function showConfirmation(room: Room, req: Request, res: Response, summary: Summary): Promise<void> {
  const { address, gift, card, lines } = summary
  await show(room, req, res, {
    title: 'Is everything right?',
    section: 'cart',
    main: html`<div class="sheet">
      ${progress('confirmation')}
      <h1>Is everything right?</h1>
      ${lineTable(lines)}
      <dl class="summary">
        ${part('Send to', html`<address>${address.map((line) => html`${line}<br />`)}</address>`, 'address')}
        ${part('Gift message', gift === '' ? html`<p class="soft">None</p>` : html`<p class="gift-message">${gift}</p>`, 'gift')}
        ${part('Pay with', html`<p>${card.brand} ending in ${card.lastFour}</p>`, 'payment')}
      </dl>
      <form class="actions" method="post" action="/checkout/confirmation">
        ${formToken(room, req)}
        <button class="button">Place the order</button>
        <a href="/cart">Change the cart</a>
      </form>
    </div>`,
  })
}

function part(term: string, description: Html, step: Step): Html {
  return html`<div>
    <dt>${term}</dt>
    <dd>
      ${description}
      <a href="/checkout/${step}">Change<span class="unseen"> ${term.toLowerCase()}</span></a>
    </dd>
  </div>`
}

function progress(current: Step): Html {
  const reached = steps.findIndex(({ name }) => name === current)
  return html`<ol class="progress" aria-label="Steps of the checkout">
    ${steps.map(
      ({ name, label }, index) =>
        html`<li ${index === reached && html` aria-current="step"`} class="${index < reached ? 'done' : ''}">
          ${index < reached ? html`<a href="/checkout/${name}">${label}</a>` : html`<span>${label}</span>`}
        </li>`,
    )}
  </ol>`
}
