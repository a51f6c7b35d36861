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

  it('answer what is gathered, and tell only the caller whose answer failed', async () => {
    for (const { gathered } of [node, portable]) {
      const ask = gathered((question: number) => {
        if (question === 2) throw new RangeError('two')
        return question * 10
      })
      const answers = await Promise.allSettled([ask(1), ask(2), ask(3)])
      expect(answers).toEqual([
        { status: 'fulfilled', value: 10 },
        { status: 'rejected', reason: new RangeError('two') },
        { status: 'fulfilled', value: 30 },
      ])
    }
  })
})

describe('what is gathered on Node', () => {
  it('is answered together at the end of the turn, as it is then, also under the fake timers of a test', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const asked: string[] = []
    let state = 'before'
    const ask = node.gathered((name: string) => asked.push(`${name} ${state}`))
    const both = Promise.all([ask('a'), ask('b')])
    await Promise.resolve()
    expect(asked).toEqual([])
    state = 'after'
    await both
    expect(asked).toEqual(['a after', 'b after'])
  })
})
