import { describe, expect, it } from 'vitest'
import { checkNames } from './options.ts'
import { createSessions } from './sessions.ts'

const names = ['trustProxy', 'proxyHeader', 'now', 'table']

function complaintFor(given: unknown): string {
  try {
    checkNames('make', given, names)
    return ''
  } catch (error) {
    return error instanceof TypeError ? error.message : String(error)
  }
}

describe('names of options', () => {
  it('a wrong one is named with those that there are, and with the one that was probably meant', () => {
    const known = 'is no option; there are trustProxy, proxyHeader, now, table'
    const meant = {
      trustproxy: 'trustProxy',
      trustProxi: 'trustProxy',
      trust_proxy: 'trustProxy',
      proxyHeaders: 'proxyHeader',
      tabel: 'table',
      tables: 'table',
      nw: 'now',
    }
    for (const [key, name] of Object.entries(meant)) {
      expect(complaintFor({ [key]: 1 })).toBe(`make: "${key}" ${known}; did you mean ${name}?`)
    }
    for (const key of ['', 'path', 'x'.repeat(40), '__proto__', 'toString']) {
      expect(complaintFor(JSON.parse(`{${JSON.stringify(key)}:1}`))).toBe(`make: ${JSON.stringify(key)} ${known}`)
    }
  })

  it('DOS-8: a very long one is cut, and costs no time', () => {
    expect(complaintFor({ ['a'.repeat(1e6)]: 1 }).length).toBeLessThan(200)
  })

  it('what is no object with names is refused, and one that leaves everything out is not', () => {
    for (const given of [undefined, null, 'x', 7, true, [], [{ now: 1 }], () => ({ now: 1 })]) {
      expect(complaintFor(given)).toBe('make: expected an object with trustProxy, proxyHeader, now, table')
    }
    for (const given of [{}, { now: undefined }, Object.create(null)]) expect(complaintFor(given)).toBe('')
  })

  it('createSessions without its argument says what it wants', () => {
    expect(() => void Reflect.apply(createSessions, undefined, [])).toThrow(
      /^createSessions: expected an object with store, name/,
    )
    expect(() => void Reflect.apply(createSessions, undefined, [{}])).toThrow(/^store: expected a session store/)
  })
})
