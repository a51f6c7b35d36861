import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { networkOf } from './network.ts'

describe('the network of an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:0:1:a:b:c:d', '2001:db8:0:1::/64'],
    ['2001:DB8::1:0:0:1', '2001:db8:0:0::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['2001:0db8:0000:0001::', '2001:db8:0:1::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:FFFF:192.0.2.1', '192.0.2.1'],
    ['64:ff9b::192.0.2.1', '192.0.2.1'],
  ])('is the whole of an IPv4 address and half of an IPv6 one: %s (S11)', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })

  it.each(['_hidden', 'unknown', '1:2', '1::2::3', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7::8', 'g::', '12345::', ':', ''])(
    'is all of a text that is no address: %s',
    (text) => {
      expect(networkOf(text)).toBe(text)
    },
  )

  it('is what the parser of URLs makes of the first 64 bits, however they are written', () => {
    // The parser knows addresses and writes each in one way, so two addresses with the same beginning are one there.
    const canonical = (address: string): string => new URL(`http://[${address}]`).hostname
    const upperHalf = (address: string): string => {
      const [head = '', tail] = canonical(address).slice(1, -1).split('::')
      const left = head === '' ? [] : head.split(':')
      const right = tail === undefined || tail === '' ? [] : tail.split(':')
      const middle = Array<string>(tail === undefined ? 0 : 8 - left.length - right.length).fill('0')
      return `${[...left, ...middle, ...right].slice(0, 4).join(':')}::/64`
    }
    const isIpv4 = (address: string): boolean => /^\[(?:::ffff:|64:ff9b::)/.test(canonical(address))
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        if (!isIpv4(address)) expect(networkOf(address)).toBe(upperHalf(address))
        expect(networkOf(canonical(address).slice(1, -1))).toBe(networkOf(address))
      }),
      { numRuns: 2000 },
    )
  })
})
