/** A map from strings to values for millions of entries. */
export interface Table<Value> {
  readonly size: number
  get(key: string): Value | undefined
  set(key: string, value: Value): void
  delete(key: string): void
  /** A live view: may be advanced between changes, and gives each entry that stays exactly once. */
  values(): IterableIterator<Value, undefined>
}

const SHARDS = 256

/**
 * One `Map` copies itself whenever it outgrows its capacity or fills with holes: at a million entries that stops the
 * event loop for a tenth of a second. Many small ones do so one at a time, each in a fraction of a millisecond.
 */
export function table<Value>(): Table<Value> {
  const shards = Array.from({ length: SHARDS }, () => new Map<string, Value>())
  const spare = new Map<string, Value>()
  const shardOf = (key: string): Map<string, Value> => shards[shardNumber(key)] ?? spare
  let size = 0
  return {
    get size() {
      return size
    },
    get: (key) => shardOf(key).get(key),
    set(key, value) {
      const shard = shardOf(key)
      size -= shard.size
      shard.set(key, value)
      size += shard.size
    },
    delete(key) {
      if (shardOf(key).delete(key)) size--
    },
    *values(): Generator<Value, undefined> {
      for (const shard of shards) yield* shard.values()
      return undefined
    },
  }
}

/** The last characters: of a store key they are hash, of a user's name or number they differ most. */
function shardNumber(key: string): number {
  const end = key.length
  return (key.charCodeAt(end - 1) * 67 + key.charCodeAt(end - 2) * 31 + key.charCodeAt(end - 3)) & (SHARDS - 1)
}
