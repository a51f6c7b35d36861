/** What came of a merge: the value, and the paths that both sides had changed to different values. */
export interface Merge {
  readonly value: unknown
  readonly clashes: readonly string[]
}

/**
 * Three-way merge of session data: what `mine` changed since `base` is applied to `theirs`, by path through plain
 * objects. Arrays to which both sides only appended keep both tails. Where both changed one path, mine wins (the later
 * commit) and the path is reported.
 */
export function mergeData(base: unknown, mine: unknown, theirs: unknown): Merge {
  const clashes: string[] = []
  return { value: merge(base, mine, theirs, '', clashes), clashes }
}

// `undefined` stands for an absent key: it is no value that session data can hold.
function merge(base: unknown, mine: unknown, theirs: unknown, path: string, clashes: string[]): unknown {
  if (isSame(mine, base)) return theirs
  if (isSame(theirs, base) || isSame(mine, theirs)) return mine
  if (isPlain(mine) && isPlain(theirs)) return mergeObjects(isPlain(base) ? base : {}, mine, theirs, path, clashes)
  if (Array.isArray(mine) && Array.isArray(theirs)) {
    const start: readonly unknown[] = Array.isArray(base) ? base : []
    if (startsWith(mine, start) && startsWith(theirs, start)) return [...theirs, ...mine.slice(start.length)]
  }
  clashes.push(path)
  return mine
}

type Plain = Readonly<Record<string, unknown>>

function mergeObjects(base: Plain, mine: Plain, theirs: Plain, path: string, clashes: string[]): Plain {
  const merged: Record<string, unknown> = {}
  // Their order first, so that the text of what did not change stays the same.
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    const value = merge(own(base, key), own(mine, key), own(theirs, key), path === '' ? key : `${path}.${key}`, clashes)
    // Defined, not assigned: a hostile key stays data and never reaches a setter (DOS-9).
    if (value !== undefined)
      Object.defineProperty(merged, key, { value, writable: true, enumerable: true, configurable: true })
  }
  return merged
}

function own(object: Plain, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function startsWith(list: readonly unknown[], start: readonly unknown[]): boolean {
  return list.length >= start.length && start.every((item, i) => isSame(item, list[i]))
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && startsWith(a, b)
  if (!isPlain(a) || !isPlain(b) || Array.isArray(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]))
}
