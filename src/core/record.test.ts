import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { START, bed, newClient } from '../../test/support/bed.ts'
import type { Authentication } from './record.ts'
import { authenticatedAgain, decodeMeta, encodeMeta, hasShown, newHandle, nextRecord, referenceOf } from './record.ts'

const authentication: Authentication = {
  at: START,
  level: 2,
  factors: ['password', 'totp'],
  shownAt: [START - 5, START],
  label: 'Firefox on Linux',
  idpSession: 'idp-1',
}

describe('the facts beside the data', () => {
  it('everything that is known comes back', () => {
    const meta = { authentication, binding: 'hash', until: START + 1, rotatedAt: START - 1 }
    expect(decodeMeta(encodeMeta(meta))).toEqual(meta)
    expect(encodeMeta({})).toBe('')
    expect(decodeMeta('')).toEqual({})
  })

  it('STORE-14: facts of a newer version are refused, and so is what is damaged', () => {
    for (const text of ['{"v":2}', '{"v":"1"}', '{}', 'null', '[]', '7', '"text"', '{"v":1', '\0', 'undefined']) {
      expect(() => decodeMeta(text), text).toThrow(expect.objectContaining({ code: 'undecodable' }) as Error)
    }
  })

  it('VULN-39: facts of the wrong kind count as absent, and nothing is made of keys that are not known', () => {
    const text = JSON.stringify({
      v: 1,
      until: 'never',
      binding: 7,
      rotatedAt: null,
      isAdmin: true,
      authentication: [],
    })
    const meta = decodeMeta(text)
    expect(meta).toEqual({ others: { isAdmin: true } })
    expect(JSON.parse(encodeMeta(meta))).toEqual({ v: 1, isAdmin: true })
    for (const wrong of [
      { ...authentication, at: '0' },
      { ...authentication, level: undefined },
      { ...authentication, factors: 'password' },
      { ...authentication, factors: [7] },
    ]) {
      expect(decodeMeta(JSON.stringify({ v: 1, authentication: wrong }))).toEqual({})
    }
    const untimed = { ...authentication, shownAt: ['x'] }
    expect(decodeMeta(JSON.stringify({ v: 1, authentication: untimed })).authentication?.shownAt).toEqual([
      START,
      START,
    ])
  })

  it('STORE-17: what a newer process has added is written back, and can take no place of a known fact', () => {
    const added = { v: 1, until: 5, risk: 0.5, device: { id: 'd-1' } }
    const text = JSON.stringify(added).replace('"risk"', '"__proto__":{"until":7},"others":{"until":9},"risk"')
    const meta = decodeMeta(text)
    expect(meta.until).toBe(5)
    expect(Object.getPrototypeOf(meta.others)).toBe(Object.prototype)
    const again = encodeMeta({ ...meta, until: 6 })
    expect(JSON.parse(again)).toEqual(JSON.parse(text.replace('"until":5', '"until":6')))
  })

  it('VULN-39 ASVS5-1.5.2: no text at all makes decoding fail otherwise than with the typed error', () => {
    const mutated = fc.tuple(fc.nat(200), fc.string({ maxLength: 4 })).map(([at, text]) => {
      const good = encodeMeta({ authentication, until: START })
      return good.slice(0, at) + text + good.slice(at + text.length)
    })
    fc.assert(
      fc.property(fc.oneof(mutated, fc.json(), fc.string()), (text) => {
        try {
          expect(Object.getPrototypeOf(decodeMeta(text))).toBe(Object.prototype)
        } catch (error) {
          expect(error).toMatchObject({ name: 'SessionError', code: 'undecodable' })
        }
        expect(Reflect.get({}, 'isAdmin')).toBeUndefined()
      }),
      { numRuns: 10_000 },
    )
  })
})

describe('what the user has shown', () => {
  it('ASVS5-7.5.3: a factor counts from when it was shown last, not from the last authentication with another one', () => {
    const again = authenticatedAgain(authentication, START + 1000, undefined, ['password'])
    expect(again).toMatchObject({
      at: START + 1000,
      level: 2,
      factors: ['password', 'totp'],
      label: 'Firefox on Linux',
    })
    expect(again.shownAt).toEqual([START + 1000, START])
    expect(hasShown(again, START + 500)).toBe(true)
    expect(hasShown(again, START + 500, 'password')).toBe(true)
    expect(hasShown(again, START + 500, 'totp')).toBe(false)
    expect(hasShown(again, START + 500, 'passkey')).toBe(false)
    expect(hasShown(undefined, START)).toBe(false)
  })

  it('a factor named like a built-in thing is a name like any other', () => {
    const shown = authenticatedAgain(undefined, START, 1, ['__proto__', 'constructor'])
    expect(hasShown(shown, START, '__proto__')).toBe(true)
    expect(hasShown(shown, START, 'toString')).toBe(false)
    expect(decodeMeta(encodeMeta({ authentication: shown })).authentication).toEqual(shown)
  })
})

describe('names of a session', () => {
  it('ASVS5-11.5.1: handles are unique and have 128 random bits', () => {
    const handles = Array.from({ length: 10_000 }, newHandle)
    expect(new Set(handles).size).toBe(10_000)
    expect(handles.every((handle) => Buffer.from(handle, 'base64url').length === 16)).toBe(true)
  })

  it('CS-12 ASVS5-16.2.5: the name in logs is stable through rotation, and is neither handle nor token', async () => {
    const { visit } = bed()
    const client = newClient()
    const before = await visit(client, (session) => [session.start().reference, session.handle])
    const after = await visit(client, async (session) => {
      await session.rotate()
      return [session.reference, session.handle]
    })
    expect(after).toEqual(before)
    expect(before[0]).toBe(referenceOf(before[1] ?? ''))
    expect(before[0]).not.toBe(before[1])
    expect([...client.jar.values()][0]).not.toContain(before[0])
  })

  it('the next version of a record changes what it is told to, and the version by one', () => {
    const record = {
      state: 'live',
      version: 4,
      handle: 'h',
      createdAt: 1,
      seenAt: 1,
      expiresAt: 9,
      meta: '',
      data: '{}',
    } as const
    expect(nextRecord(record, { data: '{"a":1}', seenAt: 2 })).toEqual({
      ...record,
      version: 5,
      data: '{"a":1}',
      seenAt: 2,
    })
  })
})
