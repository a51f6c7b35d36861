import type { SchemaResult, StandardSchema } from '../../src/core/data/schema.ts'

/** A validator written by hand, of the kind that schema libraries make. */
export function schemaOf<T>(
  validate: (value: unknown) => SchemaResult<T> | Promise<SchemaResult<T>>,
): StandardSchema<T> {
  return { '~standard': { version: 1, vendor: 'by hand', validate } }
}

/** Data with one number. */
export interface Counter {
  count: number
}

/** Refuses all else. */
export const counterSchema: StandardSchema<Counter> = schemaOf<Counter>((value) => {
  const count: unknown = Reflect.get(Object(value) as object, 'count')
  return typeof count === 'number'
    ? { value: { count } }
    : { issues: [{ message: 'no number', path: [{ key: 'count' }] }] }
})
