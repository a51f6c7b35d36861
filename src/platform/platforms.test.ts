import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as node from './node.ts'
import * as portable from './portable.ts'

describe('the two platforms', () => {
  it('give the same hashes, texts and lengths for the same input', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 70 }), fc.uint8Array({ maxLength: 70 }), (text, bytes) => {
        for (const make of [
          (of: typeof node | typeof portable) => [...of.sha256(text)],
          (of: typeof node | typeof portable) => [...of.hmacSha256(bytes, text)],
          (of: typeof node | typeof portable) => [...of.utf8(text)],
          (of: typeof node | typeof portable) => of.toBase64Url(bytes),
          (of: typeof node | typeof portable) => of.utf8Length(text),
        ])
          expect(make(portable)).toEqual(make(node))
      }),
    )
  })

  it('tell equal bytes from others, of whatever length', () => {
    for (const { equalBytes, utf8 } of [node, portable]) {
      expect(equalBytes(utf8('same'), utf8('same'))).toBe(true)
      for (const other of ['Same', 'sam', 'same ', '']) expect(equalBytes(utf8('same'), utf8(other))).toBe(false)
    }
  })
})
