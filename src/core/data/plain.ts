export type Plain = Readonly<Record<string, unknown>>

/** Tells a plain object, one without a prototype included. */
export function isPlain(value: unknown): value is Plain {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
