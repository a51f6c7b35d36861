import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bed, clientWith, newClient, testClock, tokenOf } from '../../test/support/bed.ts'
import { memoryStore } from '../stores/memory.ts'
import { countingStore } from '../testing/index.ts'
import { isStoreKey, partitionOfKey, partitionOfSubject, storeKeyOf } from './key.ts'
import { createSessions } from './sessions.ts'
import type { Token } from './token.ts'
import { mintToken, partitionOf, plainSeal, signedSeal } from './token.ts'

const OLD = 'an old secret that has 32 bytes or more'
const NEW = 'a new secret that has 32 bytes or more!'

function asBits(token: Token): readonly number[] {
  const bytes = Buffer.from(token.slice(3), 'base64url')
  return [...bytes].flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => (byte >> bit) & 1))
}

describe('tokens', () => {
  it('ASVS5-7.2.3 ASVS4-3.2.2 NIST-5.1-2 WSTG-SESS-01: a hundred thousand tokens are unique, 46 characters long, and each of their 256 bits is even', () => {
    const count = 100_000
    const ones = Array.from({ length: 256 }, () => 0)
    const seen = new Set<string>()
    for (let i = 0; i < count; i++) {
      const token = mintToken()
      seen.add(token)
      if (!/^[A-Za-z0-9_-]{46}$/.test(token)) expect(token).toBe('46 characters of base64url')
      const bytes = Buffer.from(token.slice(3), 'base64url')
      for (let bit = 0; bit < 256; bit++) ones[bit]! += ((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1
    }
    expect(seen.size).toBe(count)
    const sigma = Math.sqrt(count) / 2
    for (const [position, sum] of ones.entries()) {
      expect(Math.abs(sum - count / 2) / sigma, `bit ${position}`).toBeLessThan(5)
    }
  }, 30_000)

  it('CS-2: the bytes of tokens are spread evenly, and tokens do not sort by time', () => {
    const tokens = Array.from({ length: 20_000 }, () => mintToken())
    const counts = Array.from({ length: 256 }, () => 0)
    const bytes = Buffer.concat(tokens.map((token) => Buffer.from(token.slice(3), 'base64url')))
    for (const byte of bytes) counts[byte] = (counts[byte] ?? 0) + 1
    const expected = bytes.length / 256
    const chiSquare = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)
    // 255 degrees of freedom: mean 255, standard deviation 22.6.
    expect(chiSquare).toBeLessThan(255 + 6 * 22.6)
    const rises = tokens.filter((token, i) => i > 0 && token > (tokens[i - 1] ?? '')).length
    expect(Math.abs(rises / tokens.length - 0.5)).toBeLessThan(0.03)
  })

  it('the tokens of one user share a partition, and those of visitors are spread over all of them', () => {
    const partitions = new Set(Array.from({ length: 20 }, () => partitionOf(mintToken(partitionOfSubject('id:ann')))))
    expect(partitions.size).toBe(1)
    const anonymous = new Set(Array.from({ length: 2000 }, () => partitionOf(mintToken())))
    expect(anonymous.size).toBeGreaterThan(1900)
  })

  it('ASVS5-7.2.2: nothing that an application passes can fix a token', () => {
    const make = (options: object): unknown => createSessions({ store: memoryStore(), ...options })
    expect(() => make({ genId: () => 'fixed' })).toThrow(/"genId" is no option/)
    expect(() => make({ token: 'fixed' })).toThrow(TypeError)
  })
})

describe('store keys', () => {
  it('VULN-13: a key is derived from its token and shows nothing of it but the partition', () => {
    const token = mintToken(partitionOfSubject('id:ann'))
    const key = storeKeyOf('id', token)
    expect(isStoreKey(key)).toBe(true)
    expect(key).not.toContain(token.slice(3))
    expect(partitionOfKey(key)).toBe(partitionOf(token))
    expect(storeKeyOf('id', token)).toBe(key)
  })

  it('VULN-13: a store key presented as a token is refused by its shape alone', () => {
    expect(plainSeal.read(storeKeyOf('id', mintToken()))).toBeUndefined()
  })

  it('VULN-21: one token has different keys in different namespaces', () => {
    const token = mintToken()
    expect(new Set(['id', 'admin', 'id2', ''].map((namespace) => storeKeyOf(namespace, token))).size).toBe(4)
  })

  it('only the exact shape counts as a store key', () => {
    const key = storeKeyOf('id', mintToken())
    for (const wrong of [
      '',
      key.slice(1),
      `${key}A`,
      `${key}\n`,
      key.replace('s1.', 's2.'),
      key.replaceAll('.', '/'),
    ]) {
      expect(isStoreKey(wrong), wrong).toBe(false)
    }
  })
})

describe('what a client may present', () => {
  it('CS-4 VULN-19 Y36: of ten thousand made-up texts none reaches the store', async () => {
    const clock = testClock()
    const counting = countingStore(memoryStore({ now: clock.now }))
    const { open } = bed({ store: counting.store, clock })
    const hostile = [
      '',
      '../../etc/passwd',
      '/etc/password',
      '..%2f..%2f',
      'C:\\boot.ini',
      '\0',
      's1.abc',
      '%2e%2e',
      '"x"',
    ]
    const texts = [
      ...hostile,
      ...hostile.map((text) => text.padEnd(46, 'A')),
      ...fc.sample(fc.string({ maxLength: 100 }), { numRuns: 5000, seed: 7 }),
      ...fc.sample(fc.string({ minLength: 46, maxLength: 46 }), { numRuns: 5000, seed: 8 }),
    ]
    const wellFormed = texts.filter((text) => /^[A-Za-z0-9_-]{46}$/.test(text)).length
    for (const text of texts) expect((await open(clientWith(text))).isStarted).toBe(false)
    expect(counting.count()).toBe(wellFormed)
  })

  it('DOS-12: texts that differ only in bits that decoding drops, in padding or in space open nothing', async () => {
    const { visit, open } = bed()
    const client = newClient()
    await visit(client, (session) => session.start())
    const token = tokenOf(client) ?? ''
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const aliases = alphabet
      .split('')
      .map((last) => token.slice(0, -1) + last)
      .filter((text) => text !== token)
    const sameBytes = aliases.filter((text) => asBits(text as Token).join() === asBits(token as Token).join())
    expect(sameBytes).toHaveLength(3)
    const standard = token.replaceAll('-', '+').replaceAll('_', '/')
    const dressed = [`${token}=`, `${token} `, `\t${token}`, `"${token}"`, token.toLowerCase()]
    for (const text of [...aliases, ...dressed, standard].filter((text) => text !== token)) {
      const session = await open(clientWith(text))
      // White space around a value is the header's, not the value's (RFC 6265bis section 5.6).
      expect(session.isStarted, text).toBe(text.trim() === token)
    }
  })
})

describe('signed tokens', () => {
  it('a signed token reads back as itself', () => {
    const seal = signedSeal([NEW])
    const token = mintToken()
    expect(seal.read(seal.write(token))).toEqual({ token, isCurrent: true })
  })

  it('VULN-17 ASVS5-11.2.2: the newest secret signs, all verify, and an older one is told', () => {
    const token = mintToken()
    const both = signedSeal([NEW, OLD])
    expect(signedSeal([NEW]).read(both.write(token))).toEqual({ token, isCurrent: true })
    expect(signedSeal([OLD]).read(both.write(token))).toBeUndefined()
    expect(both.read(signedSeal([OLD]).write(token))).toEqual({ token, isCurrent: false })
  })

  it('ASVS5-9.1.1 ASVS5-11.2.5 VULN-38: with any single character changed, cut off or added, a signed token is refused', () => {
    const seal = signedSeal([NEW])
    const text = seal.write(mintToken())
    for (let i = 0; i < text.length; i++) {
      for (const other of ['A', 'b', '-', '.', ' ', 'é']) {
        if (text[i] === other) continue
        expect(seal.read(text.slice(0, i) + other + text.slice(i + 1)), `${other} at ${i}`).toBeUndefined()
      }
      expect(seal.read(text.slice(0, i))).toBeUndefined()
    }
    for (const wrong of [`${text}A`, ` ${text}`, `${text}.`, '', '.']) expect(seal.read(wrong)).toBeUndefined()
  })

  it('VULN-38: without its signature, or with that of another token, a token is refused', () => {
    const seal = signedSeal([NEW])
    const [a, b] = [mintToken(), mintToken()]
    expect(seal.read(a)).toBeUndefined()
    expect(seal.read(a + seal.write(b).slice(46))).toBeUndefined()
    expect(seal.read(`${a}.${'A'.repeat(43)}`)).toBeUndefined()
  })

  it('VULN-22 DOS-13: forged and guessed tokens never reach the store, not even at sign-out', async () => {
    const clock = testClock()
    const counting = countingStore(memoryStore({ now: clock.now }))
    const { open, commit } = bed({ store: counting.store, clock, secrets: [NEW] })
    for (let i = 0; i < 1000; i++) {
      const forged = `${mintToken()}.${randomBytes(32).toString('base64url')}`
      const client = clientWith(forged)
      const session = await open(client)
      await session.logout()
      await commit(client, session)
    }
    expect(counting.count()).toBe(0)
  })

  it('ASVS5-11.2.2: after a change of secrets a visitor stays, and gets the token signed anew once', async () => {
    const clock = testClock()
    const store = memoryStore({ now: clock.now })
    const client = newClient()
    await bed({ store, clock, secrets: [OLD] }).visit(client, (session) => session.set('a', 1))
    const before = tokenOf(client) ?? ''
    const { visit, open, commit } = bed({ store, clock, secrets: [NEW, OLD] })
    expect(await visit(client, (session) => session.get('a'))).toBe(1)
    const after = tokenOf(client) ?? ''
    expect(after).not.toBe(before)
    expect(after.slice(0, 46)).toBe(before.slice(0, 46))
    expect(signedSeal([NEW]).read(after)?.isCurrent).toBe(true)
    const again = await open(client)
    expect(await commit(client, again)).toBeUndefined()
    expect(again.activity).toEqual({ reads: 1, writes: 0 })
  })

  it('COOKIE-13 RACE-9: a token that another request has replaced meanwhile is not signed anew', async () => {
    const clock = testClock()
    const store = memoryStore({ now: clock.now })
    const client = newClient()
    await bed({ store, clock, secrets: [OLD] }).visit(client, (session) => session.set('a', 1))
    const { visit, open, commit } = bed({ store, clock, secrets: [NEW, OLD] })
    const [afterLogin, afterRotation] = [await open(client), await open(client)]
    await visit(client, (session) => session.rotate())
    const rotated = tokenOf(client)
    expect((await commit(client, afterRotation))?.cookies ?? []).toEqual([])
    await visit(client, (session) => session.login('ann'))
    const current = tokenOf(client)
    expect((await commit(client, afterLogin))?.cookies ?? []).toEqual([])
    expect(tokenOf(client)).toBe(current)
    expect(current).not.toBe(rotated)
  })

  it('ASVS5-11.2.3 Y32: there is no secret unless one is given, and 31 bytes are too few', () => {
    const make = (secrets: unknown): unknown => createSessions({ store: memoryStore(), secrets: secrets as string[] })
    expect(() => make(['x'.repeat(31)])).toThrow(/^secrets: .*string of at least 32/)
    expect(() => make([NEW, 'x'.repeat(31)])).toThrow(TypeError)
    expect(() => make(['é'.repeat(16)])).not.toThrow()
    expect(() => make([])).toThrow(/^secrets: expected a list of at least one/)
    expect(() => make('x'.repeat(32))).toThrow(TypeError)
  })
})
