import type { LiveEntry } from './entry.ts'
import { table } from './table.ts'

/** Which entries belong to a subject. */
export interface SubjectIndex {
  add(subject: string, entry: LiveEntry): void
  remove(subject: string, entry: LiveEntry): void
  /** In the order in which they were added; a copy. */
  entriesOf(subject: string): readonly LiveEntry[]
  /** How many they are, expired ones among them. */
  countOf(subject: string): number
}

/** Most users have one session: a set only from the second on saves 200 bytes for each of them. */
export function subjectIndex(): SubjectIndex {
  const groups = table<LiveEntry | Set<LiveEntry>>()
  return {
    add(subject, entry) {
      const group = groups.get(subject)
      if (group === undefined) groups.set(subject, entry)
      else if (group instanceof Set) group.add(entry)
      else groups.set(subject, new Set([group, entry]))
    },
    remove(subject, entry) {
      const group = groups.get(subject)
      if (group instanceof Set) {
        group.delete(entry)
        if (group.size === 0) groups.delete(subject)
      } else if (group === entry) groups.delete(subject)
    },
    entriesOf(subject) {
      const group = groups.get(subject)
      if (group === undefined) return []
      return group instanceof Set ? [...group] : [group]
    },
    countOf(subject) {
      const group = groups.get(subject)
      return group instanceof Set ? group.size : Number(group !== undefined)
    },
  }
}
