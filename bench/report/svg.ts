/** Colours of a chart for one kind of page. */
interface Theme {
  readonly page: string
  readonly text: string
  readonly muted: string
  readonly grid: string
  readonly mine: string
  readonly peer: string
  readonly bare: string
}

export const themes = {
  light: {
    page: '#ffffff',
    text: '#1f2328',
    muted: '#59636e',
    grid: '#d1d9e0',
    mine: '#0969da',
    peer: '#9a6700',
    bare: '#818b98',
  },
  dark: {
    page: '#0d1117',
    text: '#f0f6fc',
    muted: '#9198a1',
    grid: '#3d444d',
    mine: '#4493f8',
    peer: '#d29922',
    bare: '#656c76',
  },
} as const satisfies Record<string, Theme>

export type ThemeName = keyof typeof themes

/** Who a bar or a line belongs to. */
export type Side = 'mine' | 'peer' | 'bare'

export const FONT = "font-family='system-ui, -apple-system, Segoe UI, sans-serif'"

/** A whole picture on its page; `title` is what a screen reader says. */
export function picture(
  name: ThemeName,
  width: number,
  height: number,
  title: string,
  body: readonly string[],
): string {
  return [
    `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 ${width} ${height}' width='${width}' height='${height}' role='img' ${FONT}>`,
    `<title>${escaped(title)}</title>`,
    `<rect width='100%' height='100%' fill='${themes[name].page}'/>`,
    ...body,
    '</svg>\n',
  ].join('\n')
}

export interface TextStyle {
  readonly fill: string
  readonly size?: number
  readonly weight?: number
  readonly anchor?: 'start' | 'middle' | 'end'
}

export function textAt(x: number, y: number, text: string, style: TextStyle): string {
  const { fill, size = 12, weight = 400, anchor = 'start' } = style
  return `<text x='${round(x)}' y='${round(y)}' fill='${fill}' font-size='${size}' font-weight='${weight}' text-anchor='${anchor}'>${escaped(text)}</text>`
}

export function barAt(x: number, y: number, width: number, height: number, fill: string, opacity = 1): string {
  return `<rect x='${round(x)}' y='${round(y)}' width='${round(Math.max(width, 1))}' height='${height}' rx='2' fill='${fill}' fill-opacity='${opacity}'/>`
}

export function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll("'", '&#39;')
}
