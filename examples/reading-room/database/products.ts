import type { Database } from './database.ts'
import type { Row } from './rows.ts'
import { numberIn, textIn } from './rows.ts'

export type ProductKind = 'book' | 'cd'

export interface Product {
  readonly id: string
  readonly kind: ProductKind
  readonly title: string
  /** Author or composer, and who performs. */
  readonly maker: string
  readonly blurb: string
  /** In euro cents. */
  readonly price: number
}

const ALL = 'SELECT * FROM products ORDER BY kind, title'
const BY_ID = 'SELECT * FROM products WHERE id = ?'

export function allProducts(db: Database): readonly Product[] {
  return db.prepare(ALL).all().map(asProduct)
}

export function productWith(db: Database, id: string): Product | undefined {
  const row = db.prepare(BY_ID).get(id)
  return row === undefined ? undefined : asProduct(row)
}

/** Reads the columns of a product, also from a join. */
export function asProduct(row: Row): Product {
  return {
    id: textIn(row, 'id'),
    kind: textIn(row, 'kind') === 'cd' ? 'cd' : 'book',
    title: textIn(row, 'title'),
    maker: textIn(row, 'maker'),
    blurb: textIn(row, 'blurb'),
    price: numberIn(row, 'price'),
  }
}
