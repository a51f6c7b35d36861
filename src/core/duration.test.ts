import { describe, expect, it } from 'vitest'
import { LONGEST_TIMER, parseDuration, parseWait } from './duration.ts'

describe('durations', () => {
  it('a duration is its number times its unit', () => {
    const cases = {
      '250ms': 250,
      '30s': 30_000,
      '15m': 900_000,
      '12h': 43_200_000,
      '30d': 2_592_000_000,
      '1.5h': 5_400_000,
    }
    for (const [text, milliseconds] of Object.entries(cases)) expect(parseDuration('x', text)).toBe(milliseconds)
    expect(parseDuration('x', '0s')).toBe(0)
  })

  it('fractions of a millisecond are cut off', () => {
    expect(parseDuration('x', '1.9ms')).toBe(1)
    expect(parseDuration('x', '0.0005s')).toBe(0)
  })

  it('what has no unit, no end or no sense is a TypeError that names the option and shows how', () => {
    const wrong = [
      '',
      '15',
      '15 m',
      'm',
      '-1s',
      '1e3s',
      'Infinity',
      'Infinityms',
      '1w',
      '1h30m',
      '١m',
      '.5s',
      `${'9'.repeat(400)}d`,
    ]
    for (const value of [...wrong, 15, Infinity, Number.NaN, null, undefined, {}, ['1s']]) {
      expect(() => parseDuration('timeouts.idle', value), JSON.stringify(value)).toThrow(
        /^timeouts\.idle: expected a duration with a unit, such as '15m'/,
      )
    }
  })

  it('less than the least that makes sense is refused with that least', () => {
    expect(() => parseDuration('timeouts.idle', '0s', 1)).toThrow(/of at least 1ms/)
    expect(() => parseDuration('timeouts.idle', '0.5ms', 1)).toThrow(TypeError)
  })

  it('DOS-15: what a timer is to wait is never longer than timers can', () => {
    expect(parseWait('storeTimeout', '24d')).toBeLessThan(LONGEST_TIMER)
    expect(() => parseWait('storeTimeout', '25d')).toThrow(
      /^storeTimeout: expected a duration with a unit of at least 1ms and at most 2147483647ms, such as/,
    )
    expect(() => parseWait('storeTimeout', '0s')).toThrow(TypeError)
  })
})
