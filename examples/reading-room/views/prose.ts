import type { Html } from './html.ts'
import { html } from './html.ts'

/** An author's plain text as paragraphs, `##` headings and `>` quotations. */
export function prose(text: string): Html {
  return html`<div class="prose">
    ${text
      .split(/\n[ \t]*\n/)
      .map((block) => block.trim())
      .filter((block) => block !== '')
      .map(element)}
  </div>`
}

function element(block: string): Html {
  if (block.startsWith('## ')) return html`<h2>${block.slice(3)}</h2>`
  if (block.startsWith('> ')) return html`<blockquote><p>${block.replace(/^> ?/gm, '')}</p></blockquote>`
  return html`<p>${block}</p>`
}
