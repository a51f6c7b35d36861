import { describe, expect, it } from 'vitest'
import { subjectKeyOf, subjectNameOf } from './subject-key.ts'

describe('a subject in the store', () => {
  it('has the namespace before it, and gets its own name back', () => {
    for (const subject of ['42', 'a:b', 'Ünïcode 👋🏽', 'x'.repeat(255)]) {
      expect(subjectNameOf('shop', subjectKeyOf('shop', subject))).toBe(subject)
    }
    expect(subjectNameOf('shop', undefined)).toBeUndefined()
  })

  it('is refused when it names nobody, or when two of them could become one user in a database', () => {
    for (const wrong of ['', 'x'.repeat(256), 'a\ud800', '\udc00b', 42, null, undefined]) {
      expect(() => subjectKeyOf('shop', wrong as string)).toThrow('subject: expected a string')
    }
  })
})
