import type { Product } from '../database/products.ts'
import type { Html } from './html.ts'
import { html } from './html.ts'

/** Ground, pattern and lettering: printed things look the same in a dark room. */
const inks = [
  { ground: '#7d2e24', pattern: '#c9674c', letters: '#fbeee3' },
  { ground: '#1f4a46', pattern: '#4f8a7c', letters: '#eef6ee' },
  { ground: '#e3c281', pattern: '#c08a3a', letters: '#39270f' },
  { ground: '#27375a', pattern: '#5b7bb4', letters: '#eaf0fb' },
  { ground: '#d9d2c3', pattern: '#a2957d', letters: '#2b2419' },
  { ground: '#4a2f4f', pattern: '#8d6395', letters: '#f6ecf7' },
] as const

/** A drawn cover for a book or a disc; the same product always gets the same one. Only decoration. */
export function cover(product: Product): Html {
  const seed = hashOf(product.id)
  const ink = inks[seed % inks.length] ?? inks[0]
  const isDisc = product.kind === 'cd'
  const height = isDisc ? 120 : 160
  const lines = wrap(product.title, 13)
  return html`<svg class="cover cover-${product.kind}" viewBox="0 0 120 ${height}" aria-hidden="true">
    <rect width="120" height="${height}" fill="${ink.ground}" />
    ${isDisc ? disc(ink.pattern, ink.letters, seed) : ornament(ink.pattern, seed)}
    <rect width="${isDisc ? 5 : 7}" height="${height}" fill="#000" fill-opacity=".22" />
    <g fill="${ink.letters}" font-family="Iowan Old Style, Palatino, Georgia, serif">
      ${lines.map(
        (line, index) =>
          html`<text x="16" y="${height - 22 - (lines.length - 1 - index) * 14}" font-size="12" font-weight="700">
            ${line}
          </text>`,
      )}
      <text x="16" y="${height - 9}" font-size="6.5" opacity=".85">${product.maker}</text>
    </g>
  </svg>`
}

function disc(pattern: string, letters: string, seed: number): Html {
  const x = 44 + ((seed >>> 3) % 3) * 18
  return html`<g fill="none" stroke="${pattern}">
    ${[30, 26, 22, 18, 14].map((r) => html`<circle cx="${x}" cy="38" r="${r}" stroke-width="2" />`)}
    <circle cx="${x}" cy="38" r="7" fill="${letters}" stroke="none" />
    <circle cx="${x}" cy="38" r="2" fill="${pattern}" stroke="none" />
  </g>`
}

function ornament(pattern: string, seed: number): Html {
  const shapes = [arches, dots, bands] as const
  const shape = shapes[(seed >>> 4) % shapes.length] ?? arches
  return html`<g fill="none" stroke="${pattern}" stroke-width="3">${shape(pattern)}</g>`
}

function arches(): Html {
  const radii = [40, 32, 24, 16, 8]
  return html`${radii.map((r) => html`<path d="M${63.5 - r} 84V60a${r} ${r} 0 0 1 ${2 * r} 0v24" />`)}`
}

function dots(pattern: string): Html {
  const places = Array.from({ length: 20 }, (_, index) => [index % 5, Math.floor(index / 5)] as const)
  return html`${places.map(([column, row]) => {
    const radius = 3 + ((column + 2 * row) % 3) * 2
    return html`<circle cx="${28 + column * 18}" cy="${22 + row * 18}" r="${radius}" fill="${pattern}" stroke="none" />`
  })}`
}

function bands(): Html {
  const rows = Array.from({ length: 6 }, (_, index) => 20 + index * 12)
  return html`${rows.map((y) => html`<path d="M16 ${y}c16-12 32-12 48 0s32 12 48 0" />`)}`
}

/** FNV-1a: spreads even short names well. */
function hashOf(text: string): number {
  return Array.from(text).reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 0x01000193) >>> 0, 0x811c9dc5)
}

/** SVG text does not wrap by itself. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line === undefined || `${line} ${word}`.length > width) lines.push(word)
    else lines[lines.length - 1] = `${line} ${word}`
  }
  return lines
}
