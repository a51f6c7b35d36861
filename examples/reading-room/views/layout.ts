import type { User } from '../database/users.ts'
import type { Html } from './html.ts'
import { html } from './html.ts'

/** What one page brings. */
export interface Page {
  readonly title: string
  readonly main: Html
  /** The part of the house it belongs to, marked in the navigation. */
  readonly section?: 'articles' | 'shop' | 'counter' | 'cart'
  /** HTTP status. @defaultValue 200 */
  readonly status?: number
}

/** What stands around it. */
export interface Frame {
  readonly viewer: User | undefined
  readonly cartSize: number
  readonly flashes: readonly { readonly kind: string; readonly message: string }[]
  /** Where the sign-in page leads back to. */
  readonly signInPath: string
  /** What a form must carry to be accepted. */
  readonly formToken: Html | undefined
  readonly panel: Html | undefined
}

export function layout(page: Page, frame: Frame): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${page.title} · The Reading Room</title>
        <link rel="stylesheet" href="/style.css" />
        <link rel="icon" href="/icon.svg" type="image/svg+xml" />
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        ${masthead(page, frame)} ${flashes(frame)}
        <main id="main" tabindex="-1">${page.main}</main>
        <footer>
          ${frame.panel}
          <p class="colophon">The Reading Room is an example application of Sojourn. Nothing here costs money.</p>
        </footer>
      </body>
    </html>`
}

function masthead(page: Page, frame: Frame): Html {
  const link = (section: Page['section'], path: string, text: string): Html =>
    html`<a href="${path}" ${page.section === section && html` aria-current="true"`}>${text}</a>`
  return html`<header class="masthead">
    <a class="wordmark" href="/">${mark} The Reading Room</a>
    <nav class="rooms" aria-label="Rooms">
      ${link('articles', '/articles', 'Articles')} ${link('shop', '/shop', 'Shop')}
      ${link('counter', '/count', 'Counter')}
    </nav>
    <div class="visitor">
      <a class="cart-link" href="/cart" ${page.section === 'cart' && html` aria-current="true"`}>
        Cart${frame.cartSize > 0 && html` <span class="badge">${frame.cartSize}<span class="unseen"> items</span></span>`}
      </a>
      ${
        frame.viewer === undefined
          ? html`<a class="account" href="${frame.signInPath}">Sign in</a>`
          : accountMenu(frame.viewer, frame.formToken)
      }
    </div>
  </header>`
}

function accountMenu(viewer: User, formToken: Html | undefined): Html {
  return html`<details class="menu account">
    <summary><span class="viewer-name">${viewer.name}</span></summary>
    <nav class="menu-sheet" aria-label="Your account">
      <a href="/articles/new">Write an article</a>
      <a href="/articles/mine">Your articles</a>
      <a href="/orders">Your orders</a>
      <a href="/devices">Your devices</a>
      <form method="post" action="/sign-out">
        ${formToken}
        <button class="plain">Sign out</button>
      </form>
    </nav>
  </details>`
}

function flashes(frame: Frame): Html {
  return html`<div class="flashes" role="status">
    ${frame.flashes.map(({ kind, message }) => html`<p class="notice notice-${kind}">${message}</p>`)}
  </div>`
}

const mark = html`<svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
  <path
    d="M16 9c-3-2.4-7-3-12-3v18c5 0 9 .6 12 3 3-2.4 7-3 12-3V6c-5 0-9 .6-12 3Zm0 0v18"
    fill="none"
    stroke="currentColor"
    stroke-width="2"
    stroke-linejoin="round"
  />
</svg>`
