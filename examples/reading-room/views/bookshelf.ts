import type { Html } from './html.ts'
import { html } from './html.ts'

/** The spines on the front page, from left to right: width, height, colour, and how far the band is from the top. */
const spines = [
  [26, 150, '#7d2e24', 22],
  [20, 128, '#e3c281', 18],
  [34, 168, '#1f4a46', 30],
  [16, 140, '#4a2f4f', 20],
  [28, 158, '#27375a', 26],
  [22, 118, '#c9674c', 16],
  [30, 146, '#5c6b3f', 24],
  [18, 162, '#a2957d', 22],
] as const

/** A shelf with books, one of them leaning. Only decoration. */
export function bookshelf(): Html {
  let x = 30
  const books = spines.map(([width, height, colour, band]) => {
    const left = x
    x += width + 3
    return book({ left, width, height, colour, band })
  })
  const last = { left: x + 4, width: 26, height: 150, colour: '#8d4a2f', band: 24 }
  return html`<svg class="bookshelf" viewBox="0 0 340 230" aria-hidden="true">
    ${books}
    <g transform="translate(29 0) rotate(-14 ${last.left} 200)">${book(last)}</g>
    <rect x="0" y="200" width="340" height="9" rx="2" fill="currentColor" />
    <path d="M40 209v14M300 209v14" stroke="currentColor" stroke-width="7" />
  </svg>`
}

interface Book {
  readonly left: number
  readonly width: number
  readonly height: number
  readonly colour: string
  readonly band: number
}

function book({ left, width, height, colour, band }: Book): Html {
  const top = 200 - height
  return html`<g>
    <rect x="${left}" y="${top}" width="${width}" height="${height}" rx="2" fill="${colour}" />
    <rect x="${left}" y="${top}" width="3" height="${height}" fill="#fff" fill-opacity=".14" />
    <g fill="#fff" fill-opacity=".55">
      <rect x="${left + 4}" y="${top + band}" width="${width - 8}" height="2" />
      <rect x="${left + 4}" y="${top + band + 5}" width="${width - 8}" height="2" />
      <rect x="${left + 4}" y="${200 - 20}" width="${width - 8}" height="2" />
    </g>
  </g>`
}
