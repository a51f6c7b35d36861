/** An object that stands for whatever `current` gives at the moment of each access. */
export function forwarded(current: () => object): object {
  return new Proxy(
    {},
    {
      get: (_, key): unknown => Reflect.get(current(), key),
      set: (_, key, value: unknown) => Reflect.set(current(), key, value),
      has: (_, key) => Reflect.has(current(), key),
      deleteProperty: (_, key) => Reflect.deleteProperty(current(), key),
      ownKeys: () => Reflect.ownKeys(current()),
      getOwnPropertyDescriptor: (_, key) => Reflect.getOwnPropertyDescriptor(current(), key),
      defineProperty: (_, key, descriptor) => Reflect.defineProperty(current(), key, descriptor),
    },
  )
}
