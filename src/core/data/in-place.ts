import { isSame } from './merge.ts'
import { setOwn } from './own-key.ts'
import { isPlain } from './plain.ts'

/**
 * Makes `target` hold what `source` holds, in place and at every level where the kinds fit: a list or an object that the
 * handler took out of the data before a merge is still part of the data afterwards, so that what it writes there counts.
 */
export function replaceContents(target: object, source: object): void {
  replaceKeys(target, source, new Set([target]))
}

function replaceKeys(target: object, source: object, used: Set<object>): void {
  for (const key of Object.keys(target)) if (!Object.hasOwn(source, key)) Reflect.deleteProperty(target, key)
  for (const [key, next] of Object.entries(source)) {
    const before: unknown = Object.hasOwn(target, key) ? Reflect.get(target, key) : undefined
    setOwn(target, key, kept(before, next, used))
  }
}

function replaceItems(target: unknown[], source: readonly unknown[], used: Set<object>): void {
  // In a list of another length an item may have moved: only one that is still the same may keep its identity.
  const isAligned = target.length === source.length
  const items = source.map((next, i) => (isAligned || isSame(target[i], next) ? kept(target[i], next, used) : next))
  target.length = 0
  for (const item of items) target.push(item)
}

function kept(before: unknown, next: unknown, used: Set<object>): unknown {
  if (!isReusable(before) || !isReusable(next) || Array.isArray(before) !== Array.isArray(next)) return next
  // One object that stands at two places of the data becomes two, or it would hold only what the later place holds.
  if (used.has(before) || !Object.isExtensible(before)) return next
  used.add(before)
  if (Array.isArray(before) && Array.isArray(next)) replaceItems(before, next, used)
  else replaceKeys(before, next, used)
  return before
}

function isReusable(value: unknown): value is object {
  return Array.isArray(value) || isPlain(value)
}
