/** A length of time with its unit in the value: `'250ms'`, `'1.5s'`, `'15m'`, `'12h'`, `'30d'`. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** The longest that a timer of a platform can wait, in milliseconds; what is longer it takes for no time at all (DOS-15). */
export const LONGEST_TIMER: number = 2 ** 31 - 1

/**
 * Milliseconds of a duration.
 * @throws TypeError naming the option when the value is not a finite duration from `minimum` to `maximum` milliseconds.
 */
export function parseDuration(option: string, value: unknown, minimum = 0, maximum: number = Infinity): number {
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) : null
  const milliseconds = Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? NaN)
  if (!Number.isFinite(milliseconds) || milliseconds < minimum || milliseconds > maximum) {
    const least = minimum > 0 ? ` of at least ${minimum}ms` : ''
    const most = maximum < Infinity ? ` and at most ${maximum}ms` : ''
    throw new TypeError(`${option}: expected a duration with a unit${least}${most}, such as '15m', '12h' or '30d'`)
  }
  return Math.floor(milliseconds)
}

/** Milliseconds that a timer is to wait: a duration of at least one, and of 24 days at most. @throws TypeError for any other. */
export function parseWait(option: string, value: unknown): number {
  return parseDuration(option, value, 1, LONGEST_TIMER)
}
