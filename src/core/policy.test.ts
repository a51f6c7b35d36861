import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE, START } from '../../test/support/bed.ts'
import { memoryStore } from '../stores/memory.ts'
import { absoluteEnd, createPolicy, expiryAt, isExpired, isTouchDue, nist } from './policy.ts'
import { createSessions } from './sessions.ts'
import type { SessionRecord } from './store.ts'

function recordAt(seenAt: number, more: Partial<SessionRecord> = {}): SessionRecord {
  const life = { createdAt: START, seenAt, expiresAt: seenAt + 30 * DAY }
  return { state: 'live', version: 1, handle: 'h', meta: '', data: '{}', ...life, ...more }
}

describe('the limits in force', () => {
  it('P19 ASVS5-7.1.1: without any option a session ends after 900 idle seconds, and after twelve hours anyhow', () => {
    const policy = createSessions({ store: memoryStore() }).policy()
    expect(policy).toEqual({
      idle: 900_000,
      absolute: 12 * HOUR,
      anonymous: 900_000,
      touchEvery: 60_000,
      rotateEvery: undefined,
      rotationGrace: 10_000,
      perSubject: { max: 100, onLimit: 'evict-oldest' },
    })
    expect(Object.isFrozen(policy)).toBe(true)
  })

  it('NIST-PRESET ASVS4-3.3.2: the presets are the numbers of SP 800-63B-4', () => {
    const limits = Object.values(nist).map((preset) => createPolicy(preset, {}))
    expect(limits.map(({ idle, absolute }) => [idle, absolute])).toEqual([
      [30 * DAY, 30 * DAY],
      [HOUR, DAY],
      [15 * MINUTE, 12 * HOUR],
    ])
    expect(limits.slice(1).map(({ touchEvery }) => touchEvery)).toEqual([0, 0])
  })

  it('by default use is written down each minute, and more often where the idle limit is short', () => {
    expect(createPolicy({ idle: '12h' }, {}).touchEvery).toBe(60_000)
    expect(createPolicy({ idle: '30s' }, {}).touchEvery).toBe(3000)
    expect(createPolicy({ idle: '5ms' }, {}).touchEvery).toBe(0)
  })

  it('an idle limit above the absolute one is refused, with what to do instead (F11)', () => {
    for (const timeouts of [{ idle: '30d' }, { anonymous: '30d' }, { idle: '2h', absolute: '1h' }] as const) {
      expect(() => createPolicy(timeouts, {})).toThrow(
        /^timeouts\.(idle|anonymous): longer than the absolute limit, (12|1) h, .* set timeouts\.absolute as well/,
      )
    }
    expect(createPolicy({ idle: '30d', absolute: '30d' }, {})).toMatchObject({ idle: 30 * DAY, absolute: 30 * DAY })
    expect(createPolicy({ absolute: '5m' }, {})).toMatchObject({ idle: 5 * MINUTE, anonymous: 5 * MINUTE })
  })

  it('an absolute limit above 400 days is none, and refused (S11)', () => {
    expect(createPolicy({ absolute: '400d' }, {}).absolute).toBe(400 * DAY)
    for (const absolute of ['401d', '99999999999d'] as const) {
      expect(() => createPolicy({ absolute }, {})).toThrow(/^timeouts\.absolute: expected at most '400d'/)
    }
  })

  it('every option that is no finite duration or count is a TypeError with its name', () => {
    for (const name of ['idle', 'absolute', 'anonymous'] as const) {
      expect(() => createPolicy({ [name]: Infinity as never }, {})).toThrow(new RegExp(`^timeouts\\.${name}: `))
      expect(() => createPolicy({ [name]: '0s' }, {})).toThrow(new RegExp(`^timeouts\\.${name}: `))
    }
    expect(() => createPolicy({ touchEvery: 'never' as never }, {})).toThrow(/^timeouts\.touchEvery: /)
    expect(() => createPolicy({}, { every: '0s' })).toThrow(/^rotation\.every: /)
    expect(() => createPolicy({}, { grace: 10 as never })).toThrow(/^rotation\.grace: /)
    for (const max of [0, -1, 1.5, Infinity, '3']) {
      expect(() => createPolicy({}, {}, { max: max as never, onLimit: 'reject' })).toThrow(/^perSubject\.max: /)
    }
    expect(() => createPolicy({}, {}, { max: 3 } as never)).toThrow(
      /^perSubject\.onLimit: .*'evict-oldest' or 'reject'/,
    )
  })
})

describe('when a session ends', () => {
  const policy = createPolicy({ idle: '15m', absolute: '1h', anonymous: '5m', touchEvery: '0s' }, {})

  it('ASVS5-7.3.1: idle counts from the last use that was written down, to the millisecond', () => {
    const record = recordAt(START, { subject: 'u' })
    expect(isExpired(policy, record, {}, START + 15 * MINUTE - 1)).toBe(false)
    expect(isExpired(policy, record, {}, START + 15 * MINUTE)).toBe(true)
  })

  it('DOS-4: a session without a subject has an idle limit of its own', () => {
    expect(isExpired(policy, recordAt(START), {}, START + 5 * MINUTE - 1)).toBe(false)
    expect(isExpired(policy, recordAt(START), {}, START + 5 * MINUTE)).toBe(true)
  })

  it('ASVS5-7.3.2: the absolute end moves with nothing', () => {
    const used = recordAt(START + HOUR - 1, { subject: 'u' })
    expect(expiryAt(policy, used, START + HOUR - 1)).toBe(START + HOUR)
    expect(isExpired(policy, used, {}, START + HOUR)).toBe(true)
  })

  it('ASVS5-7.6.1: an end of its own counts when it is earlier, and only then', () => {
    expect(absoluteEnd(policy, { createdAt: START, until: START + MINUTE })).toBe(START + MINUTE)
    expect(absoluteEnd(policy, { createdAt: START, until: START + 9 * HOUR })).toBe(START + HOUR)
    expect(isExpired(policy, recordAt(START), { until: START + MINUTE }, START + MINUTE)).toBe(true)
  })

  it('a record that was written under longer limits ends by the limits in force', () => {
    const record = recordAt(START, { subject: 'u', expiresAt: START + 30 * DAY })
    expect(isExpired(policy, record, {}, START + 20 * MINUTE)).toBe(true)
  })

  it('a record that was written under shorter limits ends when it says', () => {
    expect(isExpired(policy, recordAt(START, { expiresAt: START + 10 }), {}, START + 10)).toBe(true)
  })

  it('DOS-19: use is due to be written when the last mark is old enough, and never twice for one instant', () => {
    const minutely = createPolicy({ touchEvery: '1m' }, {})
    expect(isTouchDue(minutely, recordAt(START), {}, START + MINUTE - 1)).toBe(false)
    expect(isTouchDue(minutely, recordAt(START), {}, START + MINUTE)).toBe(true)
    expect(isTouchDue(policy, recordAt(START), {}, START)).toBe(false)
    expect(isTouchDue(policy, recordAt(START), {}, START + 1)).toBe(true)
    // A clock that went back must not write.
    expect(isTouchDue(policy, recordAt(START), {}, START - HOUR)).toBe(false)
  })

  it('use is written down often enough for the limit that holds for this session, not only for the policy’s (F4)', () => {
    const minutely = createPolicy({ idle: '15m', anonymous: '2s', touchEvery: '1m' }, {})
    expect(expiryAt(minutely, recordAt(START), START)).toBe(START + 2200)
    expect(expiryAt(minutely, { createdAt: START, subject: 'u', idle: 10_000 }, START)).toBe(START + 11_000)
    expect(expiryAt(minutely, { createdAt: START, subject: 'u' }, START)).toBe(START + 16 * MINUTE)
    expect(expiryAt(minutely, { createdAt: START, idle: HOUR }, START)).toBe(START + HOUR + MINUTE)
    expect(isTouchDue(minutely, recordAt(START), {}, START + 199)).toBe(false)
    expect(isTouchDue(minutely, recordAt(START), {}, START + 200)).toBe(true)
    expect(isTouchDue(minutely, recordAt(START, { subject: 'u' }), { idle: 10_000 }, START + 1000)).toBe(true)
    expect(isTouchDue(minutely, recordAt(START, { subject: 'u' }), {}, START + 1000)).toBe(false)
  })

  it('a rotation that comes before the grace of the last one is over is refused, with the remedy (F1)', () => {
    const remedy =
      'rotation.every: it must be at least as long as rotation.grace, 10000 ms; rotate less often or give a shorter grace'
    expect(() => createPolicy({}, { every: '9s' })).toThrow(new TypeError(remedy))
    expect(() => createPolicy({}, { every: '1m', grace: '2m' })).toThrow(
      /at least as long as rotation.grace, 120000 ms/,
    )
    expect(createPolicy({}, { every: '10s' }).rotateEvery).toBe(10_000)
    expect(createPolicy({}, { every: '1s', grace: '0s' }).rotateEvery).toBe(1000)
  })
})
