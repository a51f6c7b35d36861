import type { SessionRecord } from '../../../../src/core/store.ts'
import type { CallEntry, DoneEntry, Entry, VerbEntry } from '../history.ts'
import type { Model } from './model.ts'

export type At<T> = T & Pick<Entry, 'seq' | 'at'>

/** A store call that put a record in its place. */
export interface Write {
  readonly method: 'insert' | 'update' | 'rotate'
  readonly oldKey: string | undefined
  readonly newKey: string
  /** What lived under the old key just before. */
  readonly before: SessionRecord | undefined
  readonly record: SessionRecord
}

/** What every rule can look up while the history is read from its beginning. */
export interface Reading {
  readonly model: Model
  readonly verbs: ReadonlyMap<number, At<VerbEntry>>
  /** The saves of the same session that have lost a race, like that of this verb, and are not done: it may write for them. */
  readonly companions: (verb: number | undefined) => readonly At<VerbEntry>[]
  /** Says what is wrong. */
  readonly blame: (what: string) => void
}

/** Reads the history entry by entry, and speaks up when it sees what must not be. The model is past the entry already. */
export interface Rule {
  /** Before the model makes the call. */
  readonly expect?: (call: At<CallEntry>, write: Write | undefined) => void
  readonly see?: (entry: Entry) => void
  readonly write?: (call: At<CallEntry>, write: Write) => void
  readonly done?: (done: At<DoneEntry>, verb: At<VerbEntry>) => void
}

export type MakeRule = (reading: Reading) => Rule

/** The write that a call was, if it was one and succeeded. */
export function writeOf({ method, args, answer }: CallEntry, model: Model): Write | undefined {
  const outcome = (answer as { readonly outcome?: string } | undefined)?.outcome
  if (method === 'insert' && outcome === 'inserted') {
    const [newKey, record] = args as [string, SessionRecord]
    return { method, oldKey: undefined, newKey, before: undefined, record }
  }
  if (method === 'update' && outcome === 'updated') {
    const [key, , record] = args as [string, number, SessionRecord]
    return { method, oldKey: key, newKey: key, before: model.live(key), record }
  }
  if (method === 'rotate' && outcome === 'rotated') {
    const [oldKey, , newKey, record] = args as [string, number, string, SessionRecord]
    return { method, oldKey, newKey, before: model.live(oldKey), record }
  }
  return undefined
}
