/** A copy of session data, which has what the original has when the engine has emptied that. */
export function snapshotOf(data: object): object {
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, copied(value)]))
}

function copied(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copied)
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return snapshotOf(value)
}
