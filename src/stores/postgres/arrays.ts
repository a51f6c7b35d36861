/**
 * The list as PostgreSQL reads an array. Keys and numbers need no quotation marks.
 * https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
 */
export function plainArray(values: readonly (string | number | boolean | null)[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`
}

/** The texts as PostgreSQL reads an array. */
export function textArray(values: readonly (string | null)[]): string {
  return `{${values.map(quoted).join(',')}}`
}

function quoted(value: string | null): string {
  return value === null ? 'NULL' : `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
