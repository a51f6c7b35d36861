import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Peer, ProxyOptions } from './proxy.ts'
import { checkProxyOptions, clientBehind } from './proxy.ts'

const PEER: Peer = { secure: true, clientAddress: '10.0.0.1' }

function client(headers: Readonly<Record<string, string>>, options: ProxyOptions, peer = PEER): Peer {
  return clientBehind(
    () => peer,
    (name) => headers[name],
    options,
  )
}

describe('what proxies say about the client', () => {
  const spoofed = {
    'x-forwarded-for': '6.6.6.6',
    'x-forwarded-proto': 'http',
    forwarded: 'for=6.6.6.6;proto=http',
  }

  it('is ignored unless it is asked for, and never makes a secure connection seem insecure', () => {
    expect(client(spoofed, {})).toEqual(PEER)
    expect(client(spoofed, { trustProxy: false })).toEqual(PEER)
    expect(client(spoofed, { trustProxy: 0 })).toEqual(PEER)
  })

  it('is believed as far as there are proxies, counted from the right', () => {
    const headers = { 'x-forwarded-for': '6.6.6.6, 1.1.1.1, 2.2.2.2', 'x-forwarded-proto': 'http, https, http' }
    expect(client(headers, { trustProxy: true })).toEqual({ secure: false, clientAddress: '2.2.2.2' })
    expect(client(headers, { trustProxy: 2 })).toEqual({ secure: true, clientAddress: '1.1.1.1' })
    expect(client(headers, { trustProxy: 9 })).toEqual({ secure: false, clientAddress: '6.6.6.6' })
  })

  it('counts for nothing where the proxy said nothing', () => {
    expect(client({}, { trustProxy: 1 })).toEqual(PEER)
    expect(client({ 'x-forwarded-proto': 'https' }, { trustProxy: 1 }, { ...PEER, secure: false })).toEqual(PEER)
  })

  it('is read from one family of headers only, because a proxy passes on what clients write in the other', () => {
    const headers = { 'x-forwarded-for': '1.1.1.1', 'x-forwarded-proto': 'https', forwarded: 'for=6.6.6.6;proto=http' }
    expect(client(headers, { trustProxy: 1 }).clientAddress).toBe('1.1.1.1')
    expect(client(headers, { trustProxy: 1, proxyHeader: 'forwarded' }).clientAddress).toBe('6.6.6.6')
  })

  it.each([
    ['for=192.0.2.60;proto=https;by=203.0.113.43', '192.0.2.60', true],
    ['For="[2001:db8:cafe::17]:4711"; Proto=HTTPS', '2001:db8:cafe::17', true],
    ['for=6.6.6.6, for=192.0.2.60:8080', '192.0.2.60', false],
    ['for=6.6.6.6;by="a, b; for=7.7.7.7", for="_hidden";proto=https', '_hidden', true],
    ['for=unknown;proto=https', undefined, true],
    ['for=Unknown', undefined, false],
    ['for=', undefined, false],
    [String.raw`for="a\"b\\"; by=x;`, String.raw`a"b${'\\'}`, false],
    ['for=192.0.2.60, , ', '192.0.2.60', false],
  ])('is read from a Forwarded header: %s', (forwarded, clientAddress, secure) => {
    expect(client({ forwarded }, { trustProxy: 1, proxyHeader: 'forwarded' })).toEqual({ secure, clientAddress })
  })

  it.each([
    ['192.0.2.1:4711', '192.0.2.1'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['2001:db8::1', '2001:db8::1'],
  ])('gives an address without its port: %s', (address, expected) => {
    expect(client({ 'x-forwarded-for': address }, { trustProxy: 1 }).clientAddress).toBe(expected)
  })

  it.each([
    'for="unclosed',
    'for=1.1.1.1;x="',
    'for=1.1.1.1 proto=https',
    'for=1.1.1.1;proto',
    'for="1.1.1.1"2;proto=https',
    'for=1.1.1.1;host=a;for=2.2.2.2',
    ',',
  ])('counts for nothing where it is malformed: %s', (forwarded) => {
    expect(client({ forwarded }, { trustProxy: 1, proxyHeader: 'forwarded' })).toEqual(PEER)
  })

  it.each(['for=1.1.1.1;x="', 'for=unknown;proto=https;x="', 'for=1.1.1.1;x="a\\', '"', 'for="1.1.1.1'])(
    'ASVS5-4.1.3: a quotation mark that a client leaves open swallows nothing of what the proxy adds: %s (S2)',
    (claimed) => {
      const peer: Peer = { secure: false, clientAddress: '10.0.0.1' }
      const seen = (added: string, hops: number): Peer =>
        client({ forwarded: `${claimed}, ${added}` }, { trustProxy: hops, proxyHeader: 'forwarded' }, peer)
      const told = { secure: true, clientAddress: '6.6.6.6' }
      expect(seen('for=6.6.6.6;proto=https', 1)).toEqual(told)
      expect(seen('for="6.6.6.6";proto=https;host="a\\"b"', 1)).toEqual(told)
      expect(seen('for=6.6.6.6;proto=https, for="[2001:db8::9]"', 2)).toEqual(told)
      // One proxy less than configured has been passed: nothing that the client wrote is believed.
      expect(seen('for=6.6.6.6;proto=https', 2)).toEqual(peer)
    },
  )

  it('ASVS5-4.1.3: whatever a client writes, what two proxies add in either style decides (S2)', () => {
    const peer: Peer = { secure: false, clientAddress: '10.0.0.1' }
    // Pieces that have a meaning in one of the styles, in any order, and text without one.
    const piece = fc.constantFrom(
      'for=',
      '1.1.1.1',
      '"',
      '\\',
      ',',
      ';',
      'proto=https',
      '=',
      ' ',
      '[::1]',
      'unknown',
      '\t',
    )
    const claim = fc.oneof(
      fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join('')),
      fc.string(),
    )
    const address = fc.oneof(fc.ipV4(), fc.ipV6())
    const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`
    const element = fc
      .record({ address, isSecure: fc.boolean(), host: fc.option(fc.string()), isQuoted: fc.boolean() })
      .map(({ address: given, isSecure, host, isQuoted }) => {
        const node = given.includes(':') ? `[${given}]` : given
        const parameters = [
          `for=${isQuoted || given.includes(':') ? quoted(node) : node}`,
          `proto=${isSecure ? 'https' : 'http'}`,
          ...(host === null ? [] : [`host=${quoted(host)}`]),
        ]
        return { address: given, isSecure, text: parameters.join(';') }
      })
    fc.assert(
      fc.property(claim, element, element, fc.constantFrom(', ', ','), (claimed, outer, inner, comma) => {
        const told = { secure: outer.isSecure, clientAddress: outer.address }
        const forwarded = [claimed, outer.text, inner.text].join(comma)
        expect(client({ forwarded }, { trustProxy: 2, proxyHeader: 'forwarded' }, peer)).toEqual(told)
        const headers = {
          'x-forwarded-for': [claimed, outer.address, inner.address].join(comma),
          'x-forwarded-proto': [claimed, outer.isSecure ? 'https' : 'http', 'http'].join(comma),
        }
        expect(client(headers, { trustProxy: 2 }, peer)).toEqual(told)
      }),
      { numRuns: 2000 },
    )
  })

  it('takes time in proportion to the length of what a client sends', () => {
    for (const piece of ['"\\"', '\\', '"', ';', 'a=b;', ' ', ',', '"\\",']) {
      const forwarded = piece.repeat(200_000)
      const before = performance.now()
      client({ forwarded }, { trustProxy: 9, proxyHeader: 'forwarded' })
      client({ forwarded: `${forwarded}"` }, { trustProxy: 9, proxyHeader: 'forwarded' })
      expect(performance.now() - before).toBeLessThan(1_000)
    }
  })

  it('is asked for with a whole number', () => {
    for (const trustProxy of [-1, 1.5, Number.NaN])
      expect(() => checkProxyOptions('nodeSessions', { trustProxy })).toThrow(/trustProxy/)
    for (const trustProxy of [true, false, 0, 2])
      expect(() => checkProxyOptions('nodeSessions', { trustProxy })).not.toThrow()
  })
})
