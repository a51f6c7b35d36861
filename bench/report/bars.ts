import type { Figure } from '../lib/stats.ts'
import { barAt, picture, round, type Side, textAt, type ThemeName, themes } from './svg.ts'
import { short } from './table.ts'

/** One line of a bar chart. */
export interface Row {
  readonly label: string
  readonly side: Side
  /** One bar for each of the chart's series. */
  readonly values: readonly (Figure | undefined)[]
}

/** Lines that are compared with each other, and so share a scale. */
export interface Group {
  readonly title: string
  readonly rows: readonly Row[]
}

export interface BarChart {
  readonly title: string
  readonly note: string
  /** Names of the bars of a line. */
  readonly series: readonly string[]
  readonly groups: readonly Group[]
}

const WIDTH = 900
const LEFT = 330
const RIGHT = 90
const BAR = 10
const OPACITY = [1, 0.55] as const

/** Horizontal bars with their numbers; a thin line shows the spread over the rounds. */
export function barChart(chart: BarChart, theme: ThemeName): string {
  const colours = themes[theme]
  const body = [
    textAt(16, 28, chart.title, { fill: colours.text, size: 16, weight: 600 }),
    textAt(16, 46, chart.note, { fill: colours.muted }),
    ...legend(chart.series, theme),
  ]
  let y = 74
  for (const group of chart.groups) {
    body.push(textAt(16, y + 12, group.title, { fill: colours.text, size: 13, weight: 600 }))
    y += 24
    const most = Math.max(...group.rows.flatMap(({ values }) => values.map((value) => value?.high ?? 0)), 1e-9)
    for (const row of group.rows) {
      body.push(...rowAt(row, y, most, theme))
      y += row.values.length * (BAR + 3) + 8
    }
    y += 8
  }
  return picture(theme, WIDTH, y + 4, `${chart.title}. ${chart.note}`, body)
}

function legend(series: readonly string[], theme: ThemeName): string[] {
  if (series.length < 2) return []
  return series.flatMap((name, index) => {
    const x = WIDTH - 90 * (series.length - index)
    return [
      barAt(x, 20, 12, 10, themes[theme].text, OPACITY[index]),
      textAt(x + 18, 29, name, { fill: themes[theme].muted }),
    ]
  })
}

function rowAt({ label, side, values }: Row, top: number, most: number, theme: ThemeName): string[] {
  const colours = themes[theme]
  const scale = (value: number): number => (Math.max(value, 0) / most) * (WIDTH - LEFT - RIGHT)
  const middle = top + (values.length * (BAR + 3)) / 2 + 3
  const weight = side === 'mine' ? 600 : 400
  const parts = [textAt(LEFT - 12, middle, label, { fill: colours.text, anchor: 'end', weight })]
  for (const [index, value] of values.entries()) {
    if (value === undefined) continue
    const y = top + index * (BAR + 3)
    const end = LEFT + Math.max(scale(value.high), scale(value.median))
    parts.push(barAt(LEFT, y, scale(value.median), BAR, colours[side], OPACITY[index]))
    parts.push(whisker(LEFT + scale(value.low), LEFT + scale(value.high), y + BAR / 2, colours.text))
    parts.push(textAt(end + 6, y + BAR - 1, short(value.median), { fill: colours.text, size: 11 }))
  }
  return parts
}

function whisker(from: number, to: number, y: number, stroke: string): string {
  return `<line x1='${round(from)}' x2='${round(to)}' y1='${y}' y2='${y}' stroke='${stroke}' stroke-opacity='0.6'/>`
}
