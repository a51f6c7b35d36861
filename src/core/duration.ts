/** A length of time with its unit in the value: `'250ms'`, `'30s'`, `'15m'`, `'12h'`, `'30d'`. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Milliseconds of a duration.
 * @throws TypeError naming the option when the value is not a finite duration of at least `minimum` milliseconds.
 */
export function parseDuration(option: string, value: unknown, minimum = 0): number {
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) : null
  const milliseconds = Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? NaN)
  if (!Number.isFinite(milliseconds) || milliseconds < minimum) {
    const least = minimum > 0 ? ` of at least ${minimum}ms` : ''
    throw new TypeError(`${option}: expected a duration with a unit${least}, such as '15m', '12h' or '30d'`)
  }
  return Math.floor(milliseconds)
}
