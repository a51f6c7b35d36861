/** Something that was given to the store and that it cannot work with. */
export function refuse(reason: string): TypeError {
  return new TypeError(`redisStore: ${reason}`)
}
