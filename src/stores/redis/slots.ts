const SLOTS = 16_384

/** The slot of a key of this store, which always has a tag (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/). */
export function slotOf(key: string): number {
  const tag = key.slice(key.indexOf('{') + 1, key.indexOf('}'))
  // CRC-16/XMODEM; tags are ASCII.
  let crc = 0
  for (let n = 0; n < tag.length; n++) {
    crc ^= tag.charCodeAt(n) << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021
    crc &= 0xffff
  }
  return crc % SLOTS
}
