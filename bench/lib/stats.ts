/** A figure of several rounds. */
export interface Figure {
  readonly median: number
  readonly low: number
  readonly high: number
}

/** Undefined when there is nothing to make it from. */
export function figureOf(values: readonly number[]): Figure | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[0], sorted.at(-1)]
  return low === undefined || high === undefined ? undefined : { median: middle(sorted), low, high }
}

export function median(values: readonly number[]): number {
  return middle(values.toSorted((a, b) => a - b))
}

function middle(sorted: readonly number[]): number {
  const half = sorted.length / 2
  const [below = Number.NaN, above = Number.NaN] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]]
  return (below + above) / 2
}
