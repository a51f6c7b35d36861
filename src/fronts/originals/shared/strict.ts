import { setOwn } from '../../../core/data/own-key.ts'

/** How {@link strictData} shows the data of a session. */
export interface StrictOptions {
  /**
   * `item`: a dictionary, in which a name that every object of JavaScript has is a key like any other.
   * `attribute`: an object of attributes, which has what every object has.
   */
  readonly kind: 'item' | 'attribute'
  /** What the error for a key that is not there calls the data. */
  readonly name: string
  /** With what to ask for a key, as that error says. */
  readonly ask: string
  /** What stands beside the data under a name of its own; the data cannot take these names. */
  readonly members?: object
  /** Throws for a value that the session cannot keep. */
  readonly accept?: (key: string, value: unknown) => void
}

/**
 * The data of a session, to read and to change, where reading what is not there is an error instead of `undefined`: a
 * RangeError of an item, a ReferenceError of an attribute. What is stored is the session's own data; this is a view of it.
 */
export function strictData<Data extends object>(session: { readonly data: Data }, options: StrictOptions): Data {
  const { kind, name, ask, members = {}, accept } = options
  const Missing = kind === 'item' ? RangeError : ReferenceError
  return new Proxy(session.data, {
    get(data, key): unknown {
      // The members first: what was stored by other ways than this one must not hide them.
      if (Object.hasOwn(members, key)) return Reflect.get(members, key)
      if (typeof key === 'symbol' || Object.hasOwn(data, key)) return Reflect.get(data, key)
      if (kind === 'attribute' && key in data) return Reflect.get(data, key)
      if (ASKED_BY_THE_LANGUAGE.has(key)) return undefined
      throw new Missing(`${name}: there is no ${JSON.stringify(key)}; ask with ${ask}`)
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
