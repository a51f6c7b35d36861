import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
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

describe('the end of a turn', () => {
  it('comes on Node for all who wait in the turn, after what they do until then, and also under fake timers', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const seen: string[] = []
    const wait = async (name: string): Promise<void> => {
      await node.endOfTurn()
      seen.push(name)
    }
    const both = Promise.all([wait('a'), wait('b')])
    await Promise.resolve()
    seen.push('still the turn')
    await both
    await wait('c')
    expect(seen).toEqual(['still the turn', 'a', 'b', 'c'])
  })

  it('is at once where one request must not wait for another', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'setImmediate'] })
    onTestFinished(() => void vi.useRealTimers())
    await portable.endOfTurn()
  })
})
