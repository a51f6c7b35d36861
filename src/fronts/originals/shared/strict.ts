import { setOwn } from '../../../core/data/own-key.ts'

/** How {@link strictData} shows the data of a session. */
export interface StrictOptions {
  /**
   * `item`: a dictionary, in which a name that every object of JavaScript has is a key like any other.
   * `attribute`: an object of attributes, which has what every object has.
   */
  readonly kind: 'item' | 'attribute'
  /** The error for a key that the data does not have. */
  readonly missing: (key: string) => Error
  /** What stands beside the data under a name of its own; the data cannot take these names. */
  readonly members?: object
  /** Throws for a value that the session cannot keep. */
  readonly accept?: (key: string, value: unknown) => void
}

/**
 * The data of a session, to read and to change, where reading what is not there is an error instead of `undefined`. Ask
 * with `in`. What is stored is the session's own data; this is a view of it.
 */
export function strictData<Data extends object>(session: { readonly data: Data }, options: StrictOptions): Data {
  const { kind, missing, members = {}, accept } = options
  return new Proxy(session.data, {
    get(data, key): unknown {
      if (typeof key === 'symbol' || Object.hasOwn(data, key)) return Reflect.get(data, key)
      if (Object.hasOwn(members, key)) return Reflect.get(members, key)
      if (kind === 'attribute' && key in data) return Reflect.get(data, key)
      if (ASKED_BY_THE_LANGUAGE.has(key)) return undefined
      throw missing(key)
    },
    has: (data, key) => Object.hasOwn(data, key),
    set(data, key, value: unknown) {
      if (typeof key === 'symbol') throw new TypeError('session data: keys are strings')
      if (Object.hasOwn(members, key)) throw new TypeError(`session data: the name ${key} is taken; use another one`)
      accept?.(key, value)
      return setOwn(data, key, value)
    },
  })
}

// `await` and `JSON.stringify` look for these in every object they are given.
const ASKED_BY_THE_LANGUAGE: ReadonlySet<string> = new Set(['then', 'toJSON'])
