import { picture, round, textAt, type ThemeName, themes } from '../report/svg.ts'
import { short } from '../report/table.ts'

export interface Line {
  readonly name: string
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

export interface LineChart {
  readonly title: string
  /** What grows from left to right, each mark ten times the one before. */
  readonly x: string
  readonly lines: readonly Line[]
}

const WIDTH = 820
const HEIGHT = 380
const BOX = { left: 60, right: 640, top: 60, bottom: 330 } as const
const COLOURS = {
  light: ['#0969da', '#cf222e', '#1a7f37', '#8250df', '#9a6700'],
  dark: ['#4493f8', '#f85149', '#3fb950', '#ab7df8', '#d29922'],
} as const

/** Lines over a logarithmic number; a pair of one store has one colour, and its second line is dashed. */
export function lineChart({ title, x, lines }: LineChart, theme: ThemeName): string {
  const all = lines.flatMap(({ points }) => points)
  const most = Math.max(...all.map(({ y }) => y), 1)
  const [from, to] = [Math.min(...all.map((point) => point.x)), Math.max(...all.map((point) => point.x))]
  const place = {
    x: (value: number) =>
      BOX.left + ((BOX.right - BOX.left) * Math.log10(value / from)) / Math.max(Math.log10(to / from), 1),
    y: (value: number) => BOX.bottom - ((BOX.bottom - BOX.top) * value) / most,
  }
  const body = [
    textAt(16, 28, title, { fill: themes[theme].text, size: 16, weight: 600 }),
    ...grid(most, [...new Set(all.map((point) => point.x))], place, theme),
    textAt((BOX.left + BOX.right) / 2, HEIGHT - 12, x, { fill: themes[theme].muted, anchor: 'middle' }),
    ...lines.flatMap((line, index) => lineOf(line, index, place, theme)),
  ]
  return picture(theme, WIDTH, HEIGHT, title, body)
}

interface Place {
  readonly x: (value: number) => number
  readonly y: (value: number) => number
}

function grid(most: number, marks: readonly number[], place: Place, theme: ThemeName): string[] {
  const { grid: stroke, muted } = themes[theme]
  const levels = [0, 0.25, 0.5, 0.75, 1].map((part) => part * most)
  return [
    ...levels.flatMap((level) => {
      const y = round(place.y(level))
      return [
        `<line x1='${BOX.left}' x2='${BOX.right}' y1='${y}' y2='${y}' stroke='${stroke}'/>`,
        textAt(BOX.left - 8, y + 4, short(level), { fill: muted, anchor: 'end' }),
      ]
    }),
    ...marks.map((mark) =>
      textAt(place.x(mark), BOX.bottom + 20, mark.toLocaleString('en'), { fill: muted, anchor: 'middle' }),
    ),
  ]
}

function lineOf({ name, points }: Line, index: number, place: Place, theme: ThemeName): string[] {
  const colour = COLOURS[theme][Math.floor(index / 2) % COLOURS[theme].length] ?? themes[theme].text
  const dash = index % 2 === 1 ? " stroke-dasharray='6 4'" : ''
  const path = points.map(({ x, y }) => `${round(place.x(x))},${round(place.y(y))}`).join(' ')
  const y = BOX.top + 10 + index * 20
  return [
    `<polyline points='${path}' fill='none' stroke='${colour}' stroke-width='2'${dash}/>`,
    ...points.map(
      (point) => `<circle cx='${round(place.x(point.x))}' cy='${round(place.y(point.y))}' r='3' fill='${colour}'/>`,
    ),
    `<line x1='${BOX.right + 20}' x2='${BOX.right + 44}' y1='${y - 4}' y2='${y - 4}' stroke='${colour}' stroke-width='2'${dash}/>`,
    textAt(BOX.right + 52, y, name, { fill: themes[theme].text }),
  ]
}
