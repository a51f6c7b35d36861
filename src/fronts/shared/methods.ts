/** A method, as the gate keeps and calls it. */
export type Call = (...args: readonly unknown[]) => unknown

/** Methods of one object that were replaced by others for a while. */
export interface Replaced {
  /** Calls the method that was there before. */
  call(name: string, args: readonly unknown[]): unknown
  /** Puts back what was there, except where somebody else has put a method over the replacement meanwhile. */
  restore(): void
}

/** Replaces methods of an object by own ones; each is told which arguments it was called with. */
export function replaceMethods(
  target: object,
  names: readonly string[],
  replacement: (name: string, args: readonly unknown[]) => unknown,
): Replaced {
  const slots = names.map((name) => {
    const original: unknown = Reflect.get(target, name)
    const own: Call = (...args) => replacement(name, args)
    const wasOwn = Object.hasOwn(target, name)
    Reflect.set(target, name, own)
    return { name, original, own, wasOwn }
  })
  return {
    call: (name, args) => {
      const original = slots.find((slot) => slot.name === name)?.original
      if (typeof original !== 'function') throw new TypeError(`response: it has no method ${name}`)
      const result: unknown = Reflect.apply(original, target, args)
      return result
    },
    restore: () => {
      // Last in, first out, so that the engine finds the object's earlier shape again.
      for (const { name, original, own, wasOwn } of slots.toReversed()) {
        if (Reflect.get(target, name) !== own) continue
        if (wasOwn) Reflect.set(target, name, original)
        else Reflect.deleteProperty(target, name)
      }
    },
  }
}

/** Makes an object seem different for a while; the function returned ends it. */
export function pretend(target: object, getters: Readonly<Record<string, () => unknown>>): () => void {
  for (const [name, get] of Object.entries(getters)) {
    Object.defineProperty(target, name, { get, configurable: true, enumerable: false })
  }
  return () => {
    for (const name of Object.keys(getters)) Reflect.deleteProperty(target, name)
  }
}
