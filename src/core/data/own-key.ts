/** The value of an own key; of an inherited one nothing is known here. */
export function getOwn<T extends object, Key extends keyof T>(target: T, key: Key): T[Key] | undefined {
  return Object.hasOwn(target, key) ? target[key] : undefined
}

/** Sets an own key. Defined, not assigned: a hostile one such as `__proto__` stays data and reaches no setter (DOS-9). */
export function setOwn(target: object, key: PropertyKey, value: unknown): boolean {
  return Reflect.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
}
