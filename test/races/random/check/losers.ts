import type { CallEntry, Entry, VerbEntry } from '../history.ts'
import type { At } from './rule.ts'

/** The saves that have lost a race and are not done yet. */
export interface Losers {
  readonly see: (entry: Entry, verbs: ReadonlyMap<number, At<VerbEntry>>) => void
  readonly companions: (verb: number | undefined) => readonly At<VerbEntry>[]
}

export function newLosers(): Losers {
  const losers = new Map<number, { readonly verb: At<VerbEntry>; readonly key: unknown }>()
  return {
    see(entry, verbs) {
      if (entry.type === 'done') losers.delete(entry.verb)
      if (entry.type !== 'call' || !hasLost(entry)) return
      const verb = verbs.get(entry.verb ?? -1)
      // An atomic change is made again on what it has met, and written alone.
      if (verb !== undefined && verb.name !== 'change') {
        losers.set(verb.verb, { verb, key: entry.args[0] })
      }
    },
    companions(verb) {
      const loser = losers.get(verb ?? -1)
      if (loser === undefined) return []
      return [...losers.values()]
        .filter((other) => other !== loser && other.key === loser.key)
        .map((other) => other.verb)
    },
  }
}

function hasLost({ method, answer }: CallEntry): boolean {
  return method === 'update' && (answer as { readonly outcome?: string } | undefined)?.outcome === 'conflict'
}
