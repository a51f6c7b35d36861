import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toBase64Url } from './base64url.ts'

describe('base64url', () => {
  it('is what the platform makes of the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        expect(toBase64Url(bytes)).toBe(Buffer.from(bytes).toString('base64url'))
      }),
    )
  })
})
