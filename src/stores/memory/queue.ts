/** What a value needs to stand in one queue. Kept in the value itself: a node of its own would cost 40 bytes more. */
export interface Queued<Self> {
  older: Self | undefined
  newer: Self | undefined
}

/** Values from the oldest to the newest; every operation takes the same time at any length. */
export interface Queue<Value> {
  readonly oldest: Value | undefined
  add(value: Value): void
  remove(value: Value): void
  /** Puts `value` where `other` stood, and takes `other` out. */
  replace(other: Value, value: Value): void
}

export function queue<Value extends Queued<Value>>(): Queue<Value> {
  let oldest: Value | undefined
  let newest: Value | undefined
  /** Makes the two neighbours, or makes the one that is there an end of the queue. */
  const join = (older: Value | undefined, newer: Value | undefined): void => {
    if (older === undefined) oldest = newer
    else older.newer = newer
    if (newer === undefined) newest = older
    else newer.older = older
  }
  const insert = (value: Value, older: Value | undefined, newer: Value | undefined): void => {
    join(older, value)
    join(value, newer)
  }
  const remove = (value: Value): void => {
    join(value.older, value.newer)
    value.older = undefined
    value.newer = undefined
  }
  return {
    get oldest() {
      return oldest
    },
    add: (value) => insert(value, newest, undefined),
    remove,
    replace(other, value) {
      const { older, newer } = other
      remove(other)
      insert(value, older, newer)
    },
  }
}
