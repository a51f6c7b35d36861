import { join } from 'node:path'
import type { Shelf } from './shelf.ts'

/** A place in the order of all record files: after this name. */
export interface Position {
  readonly first: string
  readonly second: string
  readonly name: string
}

/** Some record files of one folder, in order. */
export interface Stretch {
  readonly folder: string
  readonly hashes: readonly string[]
  /** After the last of them. */
  readonly end: Position
}

const START: Position = { first: '', second: '', name: '' }
const FILE = /^[0-9a-f]{64}\.json$/

/**
 * The record files after the position, folder by folder, at most `size` of them at a time. Holds nothing open: what
 * comes and goes meanwhile is seen or not, what stays is seen exactly once. A folder without files gives an empty
 * stretch, so that the caller can count it as work.
 */
export async function* walk(
  { disk, paths }: Shelf,
  from: Position | undefined,
  size: number,
): AsyncGenerator<Stretch, void> {
  const position = from ?? START
  for (const first of (await disk.list(paths.records)).folders) {
    if (first < position.first) continue
    const isSameFirst = first === position.first
    for (const second of (await disk.list(join(paths.records, first))).folders) {
      if (isSameFirst && second < position.second) continue
      const after = isSameFirst && second === position.second ? position.name : ''
      const folder = join(paths.records, first, second)
      const names = (await disk.list(folder)).files.filter((name) => name > after && FILE.test(name))
      for (let start = 0; start === 0 || start < names.length; start += size) {
        const part = names.slice(start, start + size)
        const end = { first, second, name: part.at(-1) ?? after }
        yield { folder, hashes: part.map((name) => name.slice(0, 64)), end }
      }
    }
  }
}
