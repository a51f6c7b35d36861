/** A row as SQLite gives it: the values' types are what the schema says, but TypeScript cannot know that. */
export type Row = Readonly<Record<string, unknown>>

/** The text in a column; throws when the schema and the code disagree. */
export function textIn(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw new TypeError(`column "${column}" holds no text`)
  return value
}

/** The whole number in a column. */
export function numberIn(row: Row, column: string): number {
  const value = row[column]
  if (typeof value !== 'number') throw new TypeError(`column "${column}" holds no number`)
  return value
}

/** The whole number in a column that may be NULL. */
export function optionalNumberIn(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : numberIn(row, column)
}
