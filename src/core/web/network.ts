const GROUP = /^[\da-f]{1,4}$/
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/
// An IPv4 address is the end of these: IPv4-mapped (RFC 4291 section 2.5.5.2), and through a translator (RFC 6052).
const FOR_IPV4 = /^(?:0 0 0 0 0 ffff|64 ff9b 0 0 0 0) (\w+) (\w+)$/

/**
 * The network that an address belongs to, as far as one client keeps it: the whole of an IPv4 address, the first 64 bits of
 * an IPv6 one, whose rest changes by itself (RFC 8981). What is no address, such as a name that a proxy gives, is all of it.
 */
export function networkOf(address: string): string {
  const [text = ''] = address.toLowerCase().split('%', 1)
  const groups = groupsOf(text)
  if (groups === undefined) return text
  const [, high, low] = FOR_IPV4.exec(groups.join(' ')) ?? []
  if (high === undefined || low === undefined) return `${groups.slice(0, 4).join(':')}::/64`
  return [...bytesOf(high), ...bytesOf(low)].join('.')
}

/** The eight groups of an IPv6 address, without leading zeros; undefined when the text is none. */
function groupsOf(text: string): readonly string[] | undefined {
  const [before = '', after, ...more] = text.split('::')
  if (!text.includes(':') || more.length > 0) return undefined
  const head = partsOf(before)
  const tail = partsOf(after ?? '')
  const missing = 8 - head.length - tail.length
  if (after === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...Array<string>(missing).fill('0'), ...tail]
  return groups.every((group) => GROUP.test(group)) ? groups.map((group) => group.replace(/^0+(?=.)/, '')) : undefined
}

// The last 32 bits may be written as an IPv4 address.
function partsOf(side: string): readonly string[] {
  if (side === '') return []
  return side.split(':').flatMap((part, index, { length }) => {
    if (index < length - 1 || !IPV4.test(part)) return [part]
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number)
    return [(a * 256 + b).toString(16), (c * 256 + d).toString(16)]
  })
}

function bytesOf(group: string): readonly number[] {
  const value = Number.parseInt(group, 16)
  return [value >> 8, value & 255]
}
