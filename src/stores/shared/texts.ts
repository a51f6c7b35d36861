// Node before 24.18 and Deno 2.9 cut a text at U+0000 when they read it from SQLite, and PostgreSQL refuses one.
const ESCAPED = '\u0001'

/** The text as it is stored: with no U+0000 in it. JSON has none, so data is practically always stored as it is. */
export function stored(text: string): string {
  return text.includes('\0') || text.startsWith(ESCAPED) ? ESCAPED + JSON.stringify(text) : text
}

/** The text that was given to {@link stored}; undefined when that cannot have made it. */
export function original(text: string): string | undefined {
  if (!text.startsWith(ESCAPED)) return text
  try {
    const value: unknown = JSON.parse(text.slice(1))
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}
