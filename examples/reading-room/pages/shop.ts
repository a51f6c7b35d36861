import type { Request, Response } from 'express'
import { Router } from 'express'
import type { Product, ProductKind } from '../database/products.ts'
import { allProducts, productWith } from '../database/products.ts'
import type { Room } from '../room.ts'
import { cover } from '../views/covers.ts'
import { money } from '../views/format.ts'
import type { Html } from '../views/html.ts'
import { html } from '../views/html.ts'
import { formToken } from './csrf.ts'
import { showNotFound } from './errors.ts'
import { show } from './show.ts'

export function shopPages(room: Room): Router {
  const router = Router()
  router.get('/shop', (req, res) => showShop(room, req, res))
  router.get('/shop/:id', (req, res) => showProduct(room, req, res))
  return router
}

async function showShop(room: Room, req: Request, res: Response): Promise<void> {
  const products = allProducts(room.db)
  const shelf = (kind: ProductKind, heading: string): Html =>
    html`<section aria-labelledby="${kind}">
      <h2 id="${kind}">${heading}</h2>
      <ul class="shelf">
        ${products.filter((product) => product.kind === kind).map((product) => html`<li>${productCard(product)}</li>`)}
      </ul>
    </section>`
  await show(room, req, res, {
    title: 'Shop',
    section: 'shop',
    main: html`<header class="page-head"><h1>Shop</h1></header>
      ${shelf('book', 'Books')} ${shelf('cd', 'CDs')}`,
  })
}

async function showProduct(room: Room, req: Request<{ id: string }>, res: Response): Promise<void> {
  const product = productWith(room.db, req.params.id)
  if (product === undefined) return showNotFound(room, req, res)
  await show(room, req, res, {
    title: product.title,
    section: 'shop',
    main: html`<article class="product">
      ${cover(product)}
      <div>
        <p class="topic">${kindName(product)}</p>
        <h1>${product.title}</h1>
        <p class="maker">${product.maker}</p>
        <p class="lead">${product.blurb}</p>
        <p class="price">${money(product.price)}</p>
        <form class="add" method="post" action="/cart/add/${product.id}">
          ${formToken(room, req)}
          <label for="quantity">Quantity</label>
          <input id="quantity" name="quantity" type="number" inputmode="numeric" min="1" max="20" value="1" required />
          <button class="button">Add to cart</button>
        </form>
        <p><a href="/shop">Back to the shop</a></p>
      </div>
    </article>`,
  })
}

/** A product as it stands on the shelf. */
export function productCard(product: Product): Html {
  return html`<a class="product-card" href="/shop/${product.id}">
    ${cover(product)}
    <span class="product-title">${product.title}</span>
    <span class="maker">${product.maker}</span>
    <span class="price">${money(product.price)} <span class="soft">${kindName(product)}</span></span>
  </a>`
}

function kindName(product: Product): string {
  return product.kind === 'cd' ? 'CD' : 'Book'
}
