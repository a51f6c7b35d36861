import { getOwn, setOwn } from './own-key.ts'
import type { Plain } from './plain.ts'
import { isPlain } from './plain.ts'

/** What came of a merge: the value, and the paths that both sides had changed to different values. */
export interface Merge {
  readonly value: unknown
  readonly clashes: readonly string[]
}

/**
 * Which sides must only have appended to an array so that both tails are kept. `mine` where `theirs` was made of what `base`
 * says and of others' changes, which may stand between: what was appended since goes behind.
 */
export type Appenders = 'both' | 'mine'

/** Tells whether two values that are no plain objects and no arrays say the same. */
export type IsEqual = (a: unknown, b: unknown) => boolean

/**
 * Three-way merge of session data: what `mine` changed since `base` is applied to `theirs`, by path through plain
 * objects. Arrays to which both sides only appended keep both tails, also equal ones: two requests that put the same
 * thing into a cart mean two. Where both changed one path, mine wins (the later
 * commit) and the path is reported.
 * @param isEqual for a codec that gives back dates and the like, of which each load makes a new one.
 */
export function mergeData(
  base: unknown,
  mine: unknown,
  theirs: unknown,
  isEqual: IsEqual = Object.is,
  appenders: Appenders = 'both',
): Merge {
  const clashes: string[] = []
  return { value: merge(base, mine, theirs, '', { clashes, isEqual, appenders }), clashes }
}

/**
 * The same for a list that is only appended to and emptied: what one side appended goes behind what the other side left,
 * so that nothing which somebody took out comes back.
 */
export function mergeQueue<T>(base: readonly T[], mine: readonly T[], theirs: readonly T[]): readonly T[] {
  if (startsWith(mine, base, Object.is)) return [...theirs, ...mine.slice(base.length)]
  return startsWith(theirs, base, Object.is) ? [...mine, ...theirs.slice(base.length)] : mine
}

interface Run {
  readonly clashes: string[]
  readonly isEqual: IsEqual
  readonly appenders: Appenders
}

// `undefined` stands for an absent key: it is no value that session data can hold.
function merge(base: unknown, mine: unknown, theirs: unknown, path: string, run: Run): unknown {
  const { isEqual, appenders } = run
  if (isSame(mine, base, isEqual)) return theirs
  if (isSame(theirs, base, isEqual)) return mine
  if (isPlain(mine) && isPlain(theirs)) return mergeObjects(isPlain(base) ? base : {}, mine, theirs, path, run)
  // Two that began a list with the same contents have set it; two that appended the same have appended twice.
  const isSet = !isList(base) && isSame(mine, theirs, isEqual)
  if (isList(mine) && isList(theirs) && !isSet) {
    const start = isList(base) ? base : []
    if (startsWith(mine, start, isEqual) && (appenders === 'mine' || startsWith(theirs, start, isEqual))) {
      return [...theirs, ...mine.slice(start.length)]
    }
  }
  if (!isSame(mine, theirs, isEqual)) run.clashes.push(path)
  return mine
}

function mergeObjects(base: Plain, mine: Plain, theirs: Plain, path: string, run: Run): Plain {
  const merged: Record<string, unknown> = {}
  // Their order first, so that the text of what did not change stays the same.
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    const inner = path === '' ? key : `${path}.${key}`
    const value = merge(getOwn(base, key), getOwn(mine, key), getOwn(theirs, key), inner, run)
    if (value !== undefined) setOwn(merged, key, value)
  }
  return merged
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

function startsWith(list: readonly unknown[], start: readonly unknown[], isEqual: IsEqual): boolean {
  return list.length >= start.length && start.every((item, i) => isSame(item, list[i], isEqual))
}

/** Whether two pieces of session data say the same. */
export function isSame(a: unknown, b: unknown, isEqual: IsEqual = Object.is): boolean {
  if (Object.is(a, b)) return true
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && startsWith(a, b, isEqual)
  if (!isPlain(a) || !isPlain(b)) return typeof a === 'object' && typeof b === 'object' && isEqual(a, b)
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key], isEqual))
  )
}
