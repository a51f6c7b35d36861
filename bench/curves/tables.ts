import { short, table } from '../report/table.ts'

/** Microseconds of processor time per request at a number of sessions, or at a size of one. */
export interface Point {
  readonly at: number
  readonly read: number
  readonly write: number
  /** One decoding and one encoding of data of this size. */
  readonly codec?: number
}

export interface Curve {
  readonly store: string
  readonly points: readonly Point[]
}

/** The cost may grow by so much from the first point to the last. */
const FLAT = 1.15

export function sessionsTable(curves: readonly Curve[]): string {
  const sizes = curves[0]?.points.map(({ at }) => at) ?? []
  const rows = curves.flatMap(({ store, points }) =>
    (['read', 'write'] as const).map((route) => {
      const costs = points.map((point) => point[route])
      const growth = (costs.at(-1) ?? Number.NaN) / (costs[0] ?? Number.NaN)
      const verdict = growth <= FLAT ? 'met' : '**missed**'
      return [`${store}, ${route}`, ...costs.map(short), `× ${growth.toFixed(2)}`, verdict]
    }),
  )
  return table(['', ...sizes.map((size) => size.toLocaleString('en')), 'growth', 'at most × 1.15'], rows)
}

/** Growth over the first point may be no more than that of one decoding and one encoding. */
export function sizeTable(points: readonly Point[]): string {
  // The first point is there twice: the first time it only warms up.
  const [first, ...rest] = points.slice(1)
  if (first === undefined) return ''
  const rows = [first, ...rest].map((point) => {
    const allowed = (point.codec ?? 0) - (first.codec ?? 0)
    const grown = Math.max(point.read - first.read, point.write - first.write)
    const verdict = point === first ? '' : grown <= allowed ? 'met' : '**missed**'
    return [point.at.toLocaleString('en'), short(point.read), short(point.write), short(point.codec ?? 0), verdict]
  })
  return table(['bytes of data', 'read', 'write', 'one decode and one encode', 'grows no more than that'], rows)
}
