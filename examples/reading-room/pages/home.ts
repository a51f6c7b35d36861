import { Router } from 'express'
import { newestArticles } from '../database/articles.ts'
import { allProducts } from '../database/products.ts'
import type { Room } from '../room.ts'
import { bookshelf } from '../views/bookshelf.ts'
import { html } from '../views/html.ts'
import { articleList } from './articles.ts'
import { productCard } from './shop.ts'
import { show } from './show.ts'

export function homePages(room: Room): Router {
  const router = Router()

  router.get('/', async (req, res) => {
    const products = allProducts(room.db).filter((_, index) => index % 2 === 0)
    await show(room, req, res, {
      title: 'Welcome',
      main: html`<section class="hero">
          <div>
            <h1>Sit down, read something, take a book home.</h1>
            <p class="lead">
              A small publication directory and a small shop. Both remember you from page to page, and at the foot of
              every page you can see how.
            </p>
            <p class="actions">
              <a class="button" href="/articles">Read the articles</a>
              <a class="button button-quiet" href="/shop">Visit the shop</a>
            </p>
          </div>
          ${bookshelf()}
        </section>
        <section aria-labelledby="newest">
          <h2 id="newest">Newest articles</h2>
          ${articleList(newestArticles(room.db, 3))}
        </section>
        <section aria-labelledby="shelf">
          <h2 id="shelf">From the shop</h2>
          <ul class="shelf">
            ${products.map((product) => html`<li>${productCard(product)}</li>`)}
          </ul>
        </section>`,
    })
  })

  return router
}
