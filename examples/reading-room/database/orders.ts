import { randomInt } from 'node:crypto'
import type { Database } from './database.ts'
import { inTransaction } from './database.ts'
import type { Product } from './products.ts'
import { asProduct } from './products.ts'
import type { Row } from './rows.ts'
import { numberIn, optionalNumberIn, textIn } from './rows.ts'

/** A quantity of one product: a line of the cart, or of an order at the price of that day. */
export interface Line {
  readonly product: Product
  readonly quantity: number
  readonly price: number
}

export interface NewOrder {
  /** Made once for each checkout: however often the last button is pressed, there is one order. */
  readonly checkoutKey: string
  readonly userId: number | undefined
  /** As it goes on the parcel, line by line. */
  readonly address: readonly string[]
  readonly gift: string
  /** Such as `Visa ending in 4242`; the card itself is never kept. */
  readonly paidWith: string
  readonly lines: readonly Line[]
}

export interface Order extends Omit<NewOrder, 'checkoutKey'> {
  readonly number: string
  readonly placedAt: number
}

const BY_KEY = 'SELECT number FROM orders WHERE checkout_key = ?'
const BY_NUMBER = 'SELECT * FROM orders WHERE number = ?'
const BY_USER = 'SELECT * FROM orders WHERE user_id = ? ORDER BY placed_at DESC'
const LINES = `
  SELECT products.*, order_lines.quantity, order_lines.price AS paid_price
  FROM order_lines JOIN products ON products.id = order_lines.product_id
  WHERE order_number = ? ORDER BY kind, title`
const ADD = `
  INSERT INTO orders (number, checkout_key, user_id, placed_at, address, gift, paid_with)
  VALUES (?, ?, ?, ?, ?, ?, ?)`
const ADD_LINE = 'INSERT INTO order_lines (order_number, product_id, quantity, price) VALUES (?, ?, ?, ?)'

/** Returns the order's number: of the order made now, or of the one that this checkout has made before. */
export function placeOrder(db: Database, order: NewOrder): string {
  return inTransaction(db, () => {
    const earlier = db.prepare(BY_KEY).get(order.checkoutKey)
    if (earlier !== undefined) return textIn(earlier, 'number')
    const number = newNumber()
    const address = order.address.join('\n')
    const userId = order.userId ?? null
    db.prepare(ADD).run(number, order.checkoutKey, userId, Date.now(), address, order.gift, order.paidWith)
    const addLine = db.prepare(ADD_LINE)
    for (const line of order.lines) addLine.run(number, line.product.id, line.quantity, line.price)
    return number
  })
}

export function orderNumbered(db: Database, number: string): Order | undefined {
  const row = db.prepare(BY_NUMBER).get(number)
  return row === undefined ? undefined : asOrder(db, row)
}

export function ordersOf(db: Database, userId: number): readonly Order[] {
  return db
    .prepare(BY_USER)
    .all(userId)
    .map((row) => asOrder(db, row))
}

export function totalOf(lines: readonly Line[]): number {
  return lines.reduce((total, line) => total + line.price * line.quantity, 0)
}

// Without the letters and digits that are mistaken for each other on the telephone.
const LETTERS = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789'

function newNumber(): string {
  return `RR-${Array.from({ length: 8 }, () => LETTERS.charAt(randomInt(LETTERS.length))).join('')}`
}

function asOrder(db: Database, row: Row): Order {
  const number = textIn(row, 'number')
  return {
    number,
    userId: optionalNumberIn(row, 'user_id'),
    placedAt: numberIn(row, 'placed_at'),
    address: textIn(row, 'address').split('\n'),
    gift: textIn(row, 'gift'),
    paidWith: textIn(row, 'paid_with'),
    lines: db
      .prepare(LINES)
      .all(number)
      .map((line) => ({
        product: asProduct(line),
        quantity: numberIn(line, 'quantity'),
        price: numberIn(line, 'paid_price'),
      })),
  }
}
