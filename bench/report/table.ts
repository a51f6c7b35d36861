import type { Figure } from '../lib/stats.ts'

/** A Markdown table whose columns are aligned, so that it can be read as plain text too. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const isText = (column: number): boolean => column === 0
  const line = (cells: readonly string[]): string => {
    const padded = widths.map((width, column) => {
      const cell = cells[column] ?? ''
      return isText(column) ? cell.padEnd(width) : cell.padStart(width)
    })
    return `| ${padded.join(' | ')} |`
  }
  const rule = widths.map((width, column) => (isText(column) ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(head), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n')
}

/** A number with two or three digits that mean something. */
export function short(value: number): string {
  const size = Math.abs(value)
  if (size >= 10_000) return `${Math.round(value / 1000)}k`
  if (size >= 1) return value.toFixed(size >= 10 ? 0 : 1)
  return value === 0 ? '0' : value.toFixed(2)
}

/** The median with its spread over the rounds, where that shows. */
export function spread(figure: Figure | undefined): string {
  if (figure === undefined) return '–'
  const [median, low, high] = [short(figure.median), short(figure.low), short(figure.high)]
  return low === high ? median : `${median} (${low}…${high})`
}
